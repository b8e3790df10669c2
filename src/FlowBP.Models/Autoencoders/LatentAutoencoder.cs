// What the autoencoders of all families share: a convolutional encoder and decoder between pixels and a latent. They differ in what
// the diffusion model sees of that latent. Module and parameter names are diffusers', so that checkpoints load by name. Each residual
// block disposes of its temporaries as it returns; what autograd needs it keeps.
//
// Shapes: B batch, C channels, Y X pixels (of the level at hand) or latent elements.

namespace FlowBP.Models.Autoencoders;

/// <summary>Convolutional autoencoder with a diagonal Gaussian latent.</summary>
public abstract class LatentAutoencoder : nn.Module<Tensor, Tensor>
{
    // Not private: TorchSharp registers the fields that the class of the object sees.
    private protected readonly AutoencoderEncoder encoder;
    private protected readonly AutoencoderDecoder decoder;
    private protected readonly Conv2d? quant_conv;
    private protected readonly Conv2d? post_quant_conv;

    private readonly AutoencoderKLConfig sizes;

    /// <summary>Builds encoder and decoder; the class of the object registers them with parts of its own.</summary>
    /// <param name="name">Name for messages.</param>
    /// <param name="config">Sizes of the encoder.</param>
    /// <param name="decoderConfig">Sizes of the decoder.</param>
    private protected LatentAutoencoder(string name, AutoencoderKLConfig config, AutoencoderKLConfig decoderConfig)
        : base(name)
    {
        sizes = config;
        var latentChannels = config.LatentChannels;
        var moments = 2 * latentChannels;
        encoder = new AutoencoderEncoder(config);
        decoder = new AutoencoderDecoder(decoderConfig);
        quant_conv = config.UseQuantConv ? nn.Conv2d(moments, moments, 1) : null;
        post_quant_conv = config.UsePostQuantConv ? nn.Conv2d(latentChannels, latentChannels, 1) : null;
    }

    /// <summary>Channels of a latent.</summary>
    public int LatentChannels => sizes.LatentChannels;

    /// <summary>Pixels along a side of a latent element.</summary>
    public int SpatialCompression => sizes.SpatialCompression;

    /// <summary>Pixels per side that it was made for.</summary>
    public int SampleSize => sizes.SampleSize;

    /// <summary>The configuration, as it is written beside the weights.</summary>
    public abstract string ConfigJson { get; }

    /// <summary>
    /// Whether pullbacks through the decoder run its residual blocks again instead of keeping their activations: the same
    /// gradient for about a third more time and a fraction of the memory. It has no effect while their parameters need
    /// gradients.
    /// </summary>
    public bool RecomputesDecode
    {
        get => decoder.Recomputes;
        set => decoder.Recomputes = value;
    }

    /// <summary>Decodes what a diffusion model produced; differentiable with respect to it.</summary>
    /// <param name="latents_BCYX">Latents in the diffusion model's scale, of any floating type.</param>
    /// <returns>Pixels [B, colours, Y', X'], about [−1, 1] but not clamped, in the type of the parameters.</returns>
    public abstract Tensor DecodeScaled(Tensor latents_BCYX);

    /// <summary>From the encoder's latent, <see cref="EncodeMean"/>, to what a diffusion model sees.</summary>
    /// <param name="z_BCYX">Unscaled latent.</param>
    /// <returns>Latents in the diffusion model's scale and layout.</returns>
    public abstract Tensor Scale(Tensor z_BCYX);

    /// <summary>Mean and log-variance of the latent, concatenated along the channels.</summary>
    /// <param name="image_BCYX">Pixels in [−1, 1]; sides divisible by the spatial compression.</param>
    /// <returns>[B, 2·latent channels, Y', X'].</returns>
    public Tensor EncodeMoments(Tensor image_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        var moments_BCYX = encoder.call(image_BCYX);
        return (quant_conv is null ? moments_BCYX : quant_conv.call(moments_BCYX)).MoveToOuterDisposeScope();
    }

    /// <summary>Mean of the latent distribution, unscaled.</summary>
    /// <param name="image_BCYX">Pixels in [−1, 1].</param>
    /// <returns>[B, latent channels, Y', X'].</returns>
    public Tensor EncodeMean(Tensor image_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return EncodeMoments(image_BCYX).narrow(1, 0, LatentChannels).MoveToOuterDisposeScope();
    }

    /// <summary>Pixels, about [−1, 1] but not clamped, from an unscaled latent.</summary>
    /// <param name="z_BCYX">Latent as <see cref="EncodeMean"/> returns it.</param>
    public Tensor Decode(Tensor z_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        var h_BCYX = z_BCYX.to_type(decoder.Type);
        h_BCYX = post_quant_conv is null ? h_BCYX : post_quant_conv.call(h_BCYX);
        return decoder.call(h_BCYX).MoveToOuterDisposeScope();
    }

    /// <summary>Reconstruction through the latent mean.</summary>
    public override Tensor forward(Tensor image_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return Decode(EncodeMean(image_BCYX)).MoveToOuterDisposeScope();
    }
}
