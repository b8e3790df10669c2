// The seam between rewards and networks: a reward needs unit vectors for texts and images and does not care under which
// names the network's tensors were released.

namespace FlowBP.Models.Clip;

/// <summary>A two-tower network that embeds texts and images in one space.</summary>
public interface IClipEmbedder
{
    /// <summary>Pixels per side of the square images it takes.</summary>
    int ImageSize { get; }

    /// <summary>Unit vectors of prompts.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <returns>[B, P].</returns>
    Tensor EmbedText(Tensor ids_BL);

    /// <summary>Unit vectors of images.</summary>
    /// <param name="pixels_BCYX">Images of <see cref="ImageSize"/>, normalised per channel.</param>
    /// <returns>[B, P].</returns>
    Tensor EmbedImage(Tensor pixels_BCYX);
}
