// FLUX.2's variational autoencoder. Encoder and decoder are those of Stable Diffusion 3; what differs is what the diffusion
// model sees: patches of 2 × 2 latent elements, each channel of a patch normalised by the running statistics of a batch norm
// that training left in the checkpoint. Module and parameter names are diffusers', so that checkpoints load by name.
//
// Shapes: B batch, C latent channels, E channels of a patch (4·C), Y X pixels, latent elements or patches.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Autoencoders;

/// <summary>Convolutional autoencoder whose latents are normalised patches.</summary>
public sealed class AutoencoderKLFlux2 : LatentAutoencoder
{
    private readonly LatentStatistics bn;

    /// <summary>Builds the network with the tensor library's default initialisation, in float32 on the CPU.</summary>
    public AutoencoderKLFlux2(AutoencoderKLFlux2Config config)
        : base(nameof(AutoencoderKLFlux2), config.Towers, config.DecoderTower)
    {
        Config = config;
        bn = new LatentStatistics(
            LatentPatches.Side * LatentPatches.Side * config.Towers.LatentChannels,
            config.BatchNormEps
        );
        RegisterComponents();
    }

    /// <summary>Sizes and options.</summary>
    public AutoencoderKLFlux2Config Config { get; }

    /// <inheritdoc/>
    public override string ConfigJson => Config.ToJson();

    /// <summary>Reads <c>config.json</c> and <c>diffusion_pytorch_model.safetensors</c> from a folder.</summary>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the other.</exception>
    public static AutoencoderKLFlux2 FromFolder(string folder)
    {
        var file = Path.Combine(folder, "config.json");
        var config = AutoencoderKLFlux2Config.Read(file);
        return StoredNetwork.Load(
            file,
            folder,
            config.LeastElements,
            () => new AutoencoderKLFlux2(config),
            model => Checkpoint.LoadInto(model, folder)
        );
    }

    /// <summary>From the encoder's latent to what a diffusion model sees: patches, <c>(z − mean) / std</c>.</summary>
    /// <param name="z_BCYX">Latent; even sides.</param>
    /// <returns>[B, 4·C, Y/2, X/2].</returns>
    public override Tensor Scale(Tensor z_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        return ((LatentPatches.Patchify(z_BCYX) - bn.Mean_1E11) / bn.Deviation_1E11).MoveToOuterDisposeScope();
    }

    /// <summary>From what a diffusion model sees to the patches of the decoder's latent: <c>x · std + mean</c>.</summary>
    /// <param name="latents_BEYX">Normalised patches.</param>
    /// <returns>[B, 4·C, Y/2, X/2].</returns>
    public Tensor Denormalize(Tensor latents_BEYX)
    {
        using var scope = torch.NewDisposeScope();
        return (latents_BEYX * bn.Deviation_1E11 + bn.Mean_1E11).MoveToOuterDisposeScope();
    }

    /// <summary>Decodes what a diffusion model produced: <see cref="Denormalize"/>, patches undone, <see cref="LatentAutoencoder.Decode"/>.</summary>
    /// <param name="latents_BEYX">Normalised patches, [B, 4·C, Y, X].</param>
    /// <returns>Pixels, about [−1, 1].</returns>
    public override Tensor DecodeScaled(Tensor latents_BEYX)
    {
        using var scope = torch.NewDisposeScope();
        return Decode(LatentPatches.Unpatchify(Denormalize(latents_BEYX))).MoveToOuterDisposeScope();
    }
}

/// <summary>The running statistics of a batch norm, read and never updated.</summary>
internal sealed class LatentStatistics : nn.Module
{
    private readonly Tensor running_mean;
    private readonly Tensor running_var;
    private readonly Tensor num_batches_tracked;
    private readonly double epsilon;

    public LatentStatistics(int channels, double epsilon)
        : base(nameof(LatentStatistics))
    {
        this.epsilon = epsilon;
        running_mean = torch.zeros([channels], ScalarType.Float32);
        running_var = torch.ones([channels], ScalarType.Float32);
        num_batches_tracked = torch.zeros([], ScalarType.Int64);
        RegisterComponents();
    }

    /// <summary>Mean of each channel of a patch.</summary>
    public Tensor Mean_1E11 => running_mean.reshape(1, -1, 1, 1);

    /// <summary>Standard deviation of each channel of a patch.</summary>
    public Tensor Deviation_1E11 => (running_var + epsilon).sqrt().reshape(1, -1, 1, 1);
}
