// FLUX's transformers see patches of 2 × 2 latent elements as the channels of one. A patch's channels are ordered as
// (channel, row, column).
//
// Shapes: B batch, C channels, Y X latent elements.

namespace FlowBP.Models.Layers;

/// <summary>Between latents and their 2 × 2 patches.</summary>
public static class LatentPatches
{
    /// <summary>Elements per side of a patch.</summary>
    public const int Side = 2;

    /// <summary>[B, C, Y, X] as [B, 4·C, Y/2, X/2].</summary>
    /// <param name="latents_BCYX">Latents; even sides.</param>
    /// <exception cref="ArgumentException">A side is odd.</exception>
    public static Tensor Patchify(Tensor latents_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        var shape = latents_BCYX.shape;
        if (shape.Length != 4 || shape[2] % Side != 0 || shape[3] % Side != 0)
        {
            throw new ArgumentException(
                $"found latents of shape [{string.Join(", ", shape)}], expected [B, C, Y, X] with even Y and X"
            );
        }
        return latents_BCYX
            .reshape(shape[0], shape[1], shape[2] / Side, Side, shape[3] / Side, Side)
            .permute(0, 1, 3, 5, 2, 4)
            .reshape(shape[0], shape[1] * Side * Side, shape[2] / Side, shape[3] / Side)
            .MoveToOuterDisposeScope();
    }

    /// <summary>[B, 4·C, Y/2, X/2] as [B, C, Y, X]: undoes <see cref="Patchify"/>.</summary>
    /// <param name="patches_BEYX">Patches.</param>
    /// <exception cref="ArgumentException">The channels are not those of patches.</exception>
    public static Tensor Unpatchify(Tensor patches_BEYX)
    {
        using var scope = torch.NewDisposeScope();
        var shape = patches_BEYX.shape;
        if (shape.Length != 4 || shape[1] % (Side * Side) != 0)
        {
            throw new ArgumentException(
                $"found patches of shape [{string.Join(", ", shape)}], expected [B, 4·C, Y, X]"
            );
        }
        var channels = shape[1] / (Side * Side);
        return patches_BEYX
            .reshape(shape[0], channels, Side, Side, shape[2], shape[3])
            .permute(0, 1, 4, 2, 5, 3)
            .reshape(shape[0], channels, shape[2] * Side, shape[3] * Side)
            .MoveToOuterDisposeScope();
    }
}
