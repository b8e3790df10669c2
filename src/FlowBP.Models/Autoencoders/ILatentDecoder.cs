// What sampling and rewards need of an autoencoder, and no more: then a decoder that works in tiles, or one that forgets its
// activations and recomputes them, can stand in for it.
//
// Shapes: B batch, C channels, Y X latent elements.

namespace FlowBP.Models.Autoencoders;

/// <summary>From what a diffusion model sees to pixels.</summary>
public interface ILatentDecoder
{
    /// <summary>Decodes what a diffusion model produced; differentiable with respect to it.</summary>
    /// <param name="latents_BCYX">Latents in the diffusion model's scale, of any floating type.</param>
    /// <returns>Pixels [B, colours, Y', X'], about [−1, 1] but not clamped, in the type of the parameters.</returns>
    Tensor DecodeScaled(Tensor latents_BCYX);
}

/// <summary>An autoencoder of any family: a module that decodes.</summary>
/// <param name="name">Name for messages.</param>
public abstract class LatentAutoencoder(string name) : nn.Module<Tensor, Tensor>(name), ILatentDecoder
{
    /// <summary>
    /// Whether pullbacks through the decoder run its residual blocks again instead of keeping their activations: the same
    /// gradient for about a third more time and a fraction of the memory. It has no effect while their parameters need
    /// gradients.
    /// </summary>
    public abstract bool RecomputesDecode { get; set; }

    /// <inheritdoc/>
    public abstract Tensor DecodeScaled(Tensor latents_BCYX);
}
