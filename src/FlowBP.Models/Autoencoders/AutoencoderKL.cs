// The variational autoencoder of Stable Diffusion 3 and FLUX.1: a latent that is 2^(levels−1) times smaller per side, shifted and
// scaled for the diffusion model.
//
// Shapes: B batch, C channels, Y X latent elements.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Autoencoders;

/// <summary>Convolutional autoencoder whose latents are shifted and scaled.</summary>
public sealed class AutoencoderKL : LatentAutoencoder
{
    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public AutoencoderKL(AutoencoderKLConfig config)
        : base(nameof(AutoencoderKL), config, config)
    {
        Config = config;
        RegisterComponents();
    }

    /// <summary>Sizes and options.</summary>
    public AutoencoderKLConfig Config { get; }

    /// <inheritdoc/>
    public override string ConfigJson => Config.ToJson();

    /// <summary>Reads <c>config.json</c> and <c>diffusion_pytorch_model.safetensors</c> from a folder.</summary>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static AutoencoderKL FromFolder(string folder)
    {
        var file = Path.Combine(folder, "config.json");
        var config = AutoencoderKLConfig.Read(file);
        return StoredNetwork.Load(
            file,
            folder,
            config.LeastElements,
            () => new AutoencoderKL(config),
            model => Checkpoint.LoadInto(model, folder)
        );
    }

    /// <summary>From the encoder's latent to what a diffusion model sees: <c>(z − shift) · scale</c>.</summary>
    public override Tensor Scale(Tensor z_BCYX)
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

    /// <summary>Decodes what a diffusion model produced: <see cref="Unscale"/>, then <see cref="LatentAutoencoder.Decode"/>.</summary>
    /// <inheritdoc/>
    public override Tensor DecodeScaled(Tensor latents_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return Decode(Unscale(latents_BCYX)).MoveToOuterDisposeScope();
    }
}
