// The released models' networks as data: what a prediction traces, and what a benchmark builds with random weights. A model of
// fewer layers is one of these with other numbers.

using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Schedulers;
using FlowBP.Models.Transformers;

namespace FlowBP.Training.Planning;

/// <summary>Sizes of the released full-size networks, as their config.json files have them.</summary>
public static class ReleasedNetworks
{
    /// <summary>The transformer of Stable Diffusion 3.5 medium.</summary>
    public static SD3TransformerConfig SD35 { get; } =
        new()
        {
            NumLayers = 24,
            NumAttentionHeads = 24,
            PosEmbedMaxSize = 384,
            DualAttentionLayers = [.. Enumerable.Range(0, 13)],
            QkNorm = true,
        };

    /// <summary>The transformer of FLUX.1-dev.</summary>
    public static FluxTransformerConfig Flux1 { get; } = new() { GuidanceEmbeds = true };

    /// <summary>The transformer of FLUX.2-Klein-base 9B.</summary>
    public static Flux2TransformerConfig Flux2 { get; } =
        new()
        {
            NumSingleLayers = 24,
            NumAttentionHeads = 32,
            JointAttentionDim = 12288,
            GuidanceEmbeds = false,
        };

    /// <summary>The autoencoder of Stable Diffusion 3.5.</summary>
    public static AutoencoderKLConfig SD35Autoencoder { get; } =
        new()
        {
            BlockOutChannels = [128, 256, 512, 512],
            LayersPerBlock = 2,
            LatentChannels = 16,
            UseQuantConv = false,
            UsePostQuantConv = false,
            SampleSize = 1024,
            ScalingFactor = 1.5305,
            ShiftFactor = 0.0609,
        };

    /// <summary>The autoencoder of FLUX.1: the same network, another scale of the latents.</summary>
    public static AutoencoderKLConfig Flux1Autoencoder { get; } =
        SD35Autoencoder with
        {
            ScalingFactor = 0.3611,
            ShiftFactor = 0.1159,
        };

    /// <summary>The autoencoder of FLUX.2.</summary>
    public static AutoencoderKLFlux2Config Flux2Autoencoder { get; } = new();

    /// <summary>The reward HPSv2.1: the two towers of ViT-H/14.</summary>
    public static OpenClipConfig HpsV2 { get; } =
        new()
        {
            EmbedDim = 1024,
            Vision = new(1280, 16, 32, 4),
            Text = new(1024, 16, 24, 4),
            ImageSize = 224,
            PatchSize = 14,
        };

    /// <summary>The schedule of Stable Diffusion 3.5.</summary>
    public static FlowMatchEulerConfig StaticShift { get; } = new() { Shift = 3 };

    /// <summary>The schedule of FLUX.1 and FLUX.2.</summary>
    public static FlowMatchEulerConfig DynamicShift { get; } = new() { Shift = 3, UseDynamicShifting = true };
}
