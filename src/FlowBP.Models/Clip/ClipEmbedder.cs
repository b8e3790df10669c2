// The seam between rewards and networks: a reward needs unit vectors for texts and images and does not care under which
// names the network's tensors were released.
//
// Shapes: B batch, L tokens, P projection, C channels, Y X pixels.

namespace FlowBP.Models.Clip;

/// <summary>A two-tower network that embeds texts and images in one space.</summary>
/// <param name="name">Name for messages.</param>
/// <param name="logitScale">ln of the factor on cosines that the network starts with.</param>
public abstract class ClipEmbedder(string name, double logitScale) : nn.Module<Tensor, Tensor, Tensor>(name)
{
    // Not private: TorchSharp registers the fields that the class of the object sees.
    private protected readonly Parameter logit_scale = nn.Parameter(torch.tensor((float)logitScale));

    /// <summary>Pixels per side of the square images it takes.</summary>
    public abstract int ImageSize { get; }

    /// <summary>ln of the factor that turns cosines into logits, a scalar parameter.</summary>
    public Tensor LogitScale => logit_scale;

    /// <summary>Unit vectors of prompts.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <returns>[B, P].</returns>
    public Tensor EmbedText(Tensor ids_BL)
    {
        using var scope = torch.NewDisposeScope();
        return ClipTower.Normalize(ProjectText(ids_BL)).MoveToOuterDisposeScope();
    }

    /// <summary>Unit vectors of images.</summary>
    /// <param name="pixels_BCYX">Images of <see cref="ImageSize"/>, normalised per channel.</param>
    /// <returns>[B, P].</returns>
    public Tensor EmbedImage(Tensor pixels_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return ClipTower.Normalize(ProjectImage(pixels_BCYX)).MoveToOuterDisposeScope();
    }

    /// <summary>Scaled cosines of every text with every image.</summary>
    /// <param name="ids_BL">Token ids of the texts, int64.</param>
    /// <param name="pixels_BCYX">Normalised images.</param>
    /// <returns>[texts, images].</returns>
    public override Tensor forward(Tensor ids_BL, Tensor pixels_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        var cosines = EmbedText(ids_BL).mm(EmbedImage(pixels_BCYX).transpose(0, 1));
        return (cosines * logit_scale.exp()).MoveToOuterDisposeScope();
    }

    /// <summary>Projected states of prompts, of any length.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <returns>[B, P].</returns>
    protected abstract Tensor ProjectText(Tensor ids_BL);

    /// <summary>Projected states of images, of any length.</summary>
    /// <param name="pixels_BCYX">Normalised images.</param>
    /// <returns>[B, P].</returns>
    protected abstract Tensor ProjectImage(Tensor pixels_BCYX);
}
