// Small networks and deterministic inputs for tests.

using FlowBP.Families.Flux1;
using FlowBP.Families.Flux2;
using FlowBP.Families.SD3;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Tests;

internal static class TestNetworks
{
    public static readonly SD3TransformerConfig TransformerConfig = new()
    {
        SampleSize = 8,
        PatchSize = 2,
        InChannels = 4,
        OutChannels = 4,
        NumLayers = 3,
        AttentionHeadDim = 8,
        NumAttentionHeads = 2,
        JointAttentionDim = 12,
        PooledProjectionDim = 6,
        PosEmbedMaxSize = 6,
        DualAttentionLayers = [1],
        QkNorm = true,
    };

    public static readonly AutoencoderKLConfig AutoencoderConfig = new()
    {
        BlockOutChannels = [8, 16],
        NormNumGroups = 4,
        LatentChannels = 4,
        ScalingFactor = 1.25,
        ShiftFactor = 0.5,
    };

    public static readonly FluxTransformerConfig FluxConfig = new()
    {
        InChannels = 8,
        OutChannels = 8,
        NumLayers = 1,
        NumSingleLayers = 2,
        AttentionHeadDim = 8,
        NumAttentionHeads = 2,
        JointAttentionDim = 12,
        PooledProjectionDim = 6,
        GuidanceEmbeds = true,
        AxesDimsRope = [2, 2, 4],
    };

    public static readonly Flux2TransformerConfig Flux2Config = new()
    {
        InChannels = 16,
        OutChannels = 16,
        NumLayers = 1,
        NumSingleLayers = 2,
        AttentionHeadDim = 8,
        NumAttentionHeads = 2,
        JointAttentionDim = 12,
        AxesDimsRope = [2, 2, 2, 2],
        GuidanceEmbeds = false,
    };

    public static readonly AutoencoderKLFlux2Config Flux2VaeConfig = new()
    {
        Towers = AutoencoderConfig with { ScalingFactor = 0.18215, ShiftFactor = 0 },
    };

    public static readonly ClipConfig SmallClip = new()
    {
        ProjectionDim = 6,
        Text = new ClipTextConfig
        {
            VocabSize = 20,
            HiddenSize = 8,
            IntermediateSize = 16,
            ProjectionDim = 6,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            MaxPositionEmbeddings = 7,
            EosTokenId = 19,
        },
        Vision = new ClipVisionConfig
        {
            HiddenSize = 8,
            IntermediateSize = 16,
            NumHiddenLayers = 2,
            NumAttentionHeads = 2,
            ImageSize = 8,
            PatchSize = 4,
        },
    };

    public static readonly OpenClipConfig SmallOpenClip = new()
    {
        EmbedDim = 6,
        Text = new OpenClipTowerConfig(8, 2, 2, 4),
        Vision = new OpenClipTowerConfig(8, 2, 2, 4),
        ContextLength = 7,
        VocabSize = 20,
        ImageSize = 8,
        PatchSize = 4,
    };

    /// <summary>A joint transformer whose modulations and head are not zero, as they would be when new.</summary>
    public static SD3Transformer2DModel Transformer(SD3TransformerConfig? config = null) =>
        Busy(new SD3Transformer2DModel(config ?? TransformerConfig));

    public static FluxTransformer2DModel Flux(FluxTransformerConfig? config = null) =>
        Busy(new FluxTransformer2DModel(config ?? FluxConfig));

    public static Flux2Transformer2DModel Flux2(Flux2TransformerConfig? config = null) =>
        Busy(new Flux2Transformer2DModel(config ?? Flux2Config));

    public static AutoencoderKL Autoencoder(AutoencoderKLConfig? config = null) =>
        Busy(new AutoencoderKL(config ?? AutoencoderConfig));

    public static CLIPModel TwoTowers() => Busy(new CLIPModel(SmallClip));

    public static OpenClipModel OpenTwoTowers() => Busy(new OpenClipModel(SmallOpenClip));

    /// <summary>Values in [−1, 1] without structure, the same in every run.</summary>
    public static Tensor Waves(params long[] shape)
    {
        var count = shape.Aggregate(1L, (n, extent) => n * extent);
        float[] values = [.. Enumerable.Range(0, (int)count).Select(i => (float)Math.Sin(12.9898 * i + 0.5 * i * i))];
        return torch.tensor(values).reshape(shape);
    }

    /// <summary>Gives a new network weights without structure, the same in every run.</summary>
    public static T Busy<T>(T module)
        where T : nn.Module
    {
        ParameterInitialization.Apply(module, seed: 7);
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        foreach (var (_, parameter) in module.named_parameters())
        {
            parameter.add_(Waves(parameter.shape) * 0.05);
        }
        return module;
    }
}
