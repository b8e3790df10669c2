// From a decoded image to what a CLIP vision tower was trained on: longest side to the tower's size, the rest padded with
// black, then the colour statistics of CLIP's training set. Differentiable throughout: the reward's gradient passes
// through it to the latents. Padding comes before normalisation, so the border is black, not grey.
//
// Shapes: B batch, C channels, Y X pixels.

using FlowBP.Models.Images;

namespace FlowBP.Models.Rewards;

/// <summary>Differentiable preprocessing for CLIP vision towers.</summary>
public static class ClipImagePreprocessing
{
    private static readonly float[] Mean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Deviation = [0.26862954f, 0.26130258f, 0.27577711f];

    /// <summary>Resizes, pads and normalises.</summary>
    /// <param name="image_BCYX">RGB in [0, 1].</param>
    /// <param name="size">Pixels per side of the result.</param>
    /// <returns>[B, 3, size, size].</returns>
    /// <exception cref="ArgumentException">These are no pictures in colour, or were disposed.</exception>
    public static Tensor Apply(Tensor image_BCYX, int size)
    {
        if (image_BCYX.IsInvalid)
        {
            throw new ArgumentException("the pictures to be scored were disposed");
        }
        if (image_BCYX.dim() != 4 || image_BCYX.size(1) != Mean.Length || image_BCYX.numel() == 0)
        {
            throw new ArgumentException(
                $"found pictures of shape [{string.Join(", ", image_BCYX.shape)}], expected [B, 3, Y, X]"
            );
        }
        using var scope = torch.NewDisposeScope();
        return Normalize(ResizeLongestSide(image_BCYX, size)).MoveToOuterDisposeScope();
    }

    /// <summary>Brings the longest side to <paramref name="size"/> and centres the image on black.</summary>
    private static Tensor ResizeLongestSide(Tensor image_BCYX, int size)
    {
        var height = (int)image_BCYX.shape[2];
        var width = (int)image_BCYX.shape[3];
        var longest = Math.Max(height, width);
        if (longest != size)
        {
            var scale = (double)size / longest;
            height = Math.Max((int)Math.Round(height * scale, MidpointRounding.ToEven), 1);
            width = Math.Max((int)Math.Round(width * scale, MidpointRounding.ToEven), 1);
            image_BCYX = BicubicResize.Resize(image_BCYX, height, width);
        }
        var spareX = size - width;
        var spareY = size - height;
        return spareX == 0 && spareY == 0
            ? image_BCYX
            : F.pad(image_BCYX, [spareX / 2, spareX - spareX / 2, spareY / 2, spareY - spareY / 2]);
    }

    private static Tensor Normalize(Tensor image_BCYX)
    {
        var mean = torch.tensor(Mean).reshape(1, 3, 1, 1).to(image_BCYX.device).to_type(image_BCYX.dtype);
        var deviation = torch.tensor(Deviation).reshape(1, 3, 1, 1).to(image_BCYX.device).to_type(image_BCYX.dtype);
        return (image_BCYX - mean) / deviation;
    }
}
