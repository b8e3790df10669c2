// The variational autoencoder of Stable Diffusion 3 and FLUX.1: a convolutional encoder and decoder between pixels in
// [−1, 1] and a latent that is 2^(levels−1) times smaller per side. Module and parameter names are diffusers', so that
// checkpoints load by name. Each residual block disposes of its temporaries as it returns; what autograd needs it keeps.
//
// Shapes: B batch, C channels, Y X pixels (of the level at hand), L = Y·X positions.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Autoencoders;

/// <summary>Convolutional autoencoder with a diagonal Gaussian latent.</summary>
public sealed class AutoencoderKL : LatentAutoencoder
{
    private readonly AutoencoderEncoder encoder;
    private readonly AutoencoderDecoder decoder;
    private readonly Conv2d? quant_conv;
    private readonly Conv2d? post_quant_conv;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public AutoencoderKL(AutoencoderKLConfig config)
        : base(nameof(AutoencoderKL))
    {
        Config = config;
        var moments = 2 * config.LatentChannels;
        encoder = new AutoencoderEncoder(config);
        decoder = new AutoencoderDecoder(config);
        quant_conv = config.UseQuantConv ? nn.Conv2d(moments, moments, 1) : null;
        post_quant_conv = config.UsePostQuantConv ? nn.Conv2d(config.LatentChannels, config.LatentChannels, 1) : null;
        RegisterComponents();
    }

    /// <summary>Sizes and options.</summary>
    public AutoencoderKLConfig Config { get; }

    /// <inheritdoc/>
    public override bool RecomputesDecode
    {
        get => decoder.Recomputes;
        set => decoder.Recomputes = value;
    }

    /// <summary>Reads <c>config.json</c> and <c>diffusion_pytorch_model.safetensors</c> from a folder.</summary>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static AutoencoderKL FromFolder(string folder) =>
        Unfinished.Filled(
            new AutoencoderKL(AutoencoderKLConfig.Read(Path.Combine(folder, "config.json"))),
            model => Checkpoint.LoadInto(model, folder)
        );

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
    public Tensor EncodeMean(Tensor image_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return EncodeMoments(image_BCYX).narrow(1, 0, Config.LatentChannels).MoveToOuterDisposeScope();
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

    /// <summary>From the encoder's latent to what a diffusion model sees: <c>(z − shift) · scale</c>.</summary>
    public Tensor Scale(Tensor z_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return ((z_BCYX - Config.ShiftFactor) * Config.ScalingFactor).MoveToOuterDisposeScope();
    }

    /// <summary>From what a diffusion model sees to the decoder's latent: <c>x / scale + shift</c>.</summary>
    public Tensor Unscale(Tensor latents_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return (latents_BCYX / Config.ScalingFactor + Config.ShiftFactor).MoveToOuterDisposeScope();
    }

    /// <summary>Decodes what a diffusion model produced: <see cref="Unscale"/>, then <see cref="Decode"/>.</summary>
    /// <inheritdoc/>
    public override Tensor DecodeScaled(Tensor latents_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return Decode(Unscale(latents_BCYX)).MoveToOuterDisposeScope();
    }

    /// <summary>Reconstruction through the latent mean.</summary>
    public override Tensor forward(Tensor image_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return Decode(EncodeMean(image_BCYX)).MoveToOuterDisposeScope();
    }
}
