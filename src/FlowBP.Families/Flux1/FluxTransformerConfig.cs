// The transformer's config.json of FLUX.1. Defaults are those of the ecosystem's class, which leaves out what equals them.

using FlowBP.Formats;
using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.Flux1;

/// <summary>Sizes and options of a <see cref="FluxTransformer2DModel"/>, with the meaning of diffusers' config.json.</summary>
public sealed record FluxTransformerConfig
{
    /// <summary>Channels of an image token: a patch of 2 × 2 latent elements.</summary>
    public int InChannels { get; init; } = 64;

    /// <summary>Channels of an image token's velocity.</summary>
    public int OutChannels { get; init; } = 64;

    /// <summary>Number of double-stream blocks.</summary>
    public int NumLayers { get; init; } = 19;

    /// <summary>Number of single-stream blocks, after the others.</summary>
    public int NumSingleLayers { get; init; } = 38;

    /// <summary>Width of an attention head.</summary>
    public int AttentionHeadDim { get; init; } = 128;

    /// <summary>Attention heads per block.</summary>
    public int NumAttentionHeads { get; init; } = 24;

    /// <summary>Width of the text sequence.</summary>
    public int JointAttentionDim { get; init; } = 4096;

    /// <summary>Width of the pooled text vector.</summary>
    public int PooledProjectionDim { get; init; } = 768;

    /// <summary>Whether the guidance scale is an input (FLUX.1-dev, which is distilled from guided predictions).</summary>
    public bool GuidanceEmbeds { get; init; }

    /// <summary>Elements of a head that each position axis turns.</summary>
    public IReadOnlyList<int> AxesDimsRope { get; init; } = [16, 56, 56];

    /// <summary>Width of the residual streams.</summary>
    public int InnerDim => NumAttentionHeads * AttentionHeadDim;

    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        StoredNetwork.Product(
            (Int128)NumLayers + NumSingleLayers,
            8,
            NumAttentionHeads,
            AttentionHeadDim,
            NumAttentionHeads,
            AttentionHeadDim
        )
        + StoredNetwork.Product(JointAttentionDim, NumAttentionHeads, AttentionHeadDim)
        + StoredNetwork.Product(PooledProjectionDim, NumAttentionHeads, AttentionHeadDim)
        + StoredNetwork.Product((Int128)InChannels + OutChannels, NumAttentionHeads, AttentionHeadDim);

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static FluxTransformerConfig Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static FluxTransformerConfig Read(ConfigReader json)
    {
        json.RequireClass(nameof(FluxTransformer2DModel));
        var config = json.Fill(new FluxTransformerConfig(), "out_channels");
        config = config with { OutChannels = json.Int("out_channels", config.InChannels) };
        json.Require("patch_size", "1");
        json.RefuseUnknown();
        RotaryAxes.Check(json.File, config.AxesDimsRope, FluxPositions.Axes, config.AttentionHeadDim);
        return config;
    }

    /// <summary>The content of a config.json that <see cref="Read(string)"/> and diffusers understand.</summary>
    public string ToJson() =>
        ConfigRecord
            .ToJsonObject(
                this,
                ("_class_name", nameof(FluxTransformer2DModel)),
                ("out_channels", OutChannels == InChannels ? null : OutChannels),
                ("patch_size", 1)
            )
            .ToConfigText();
}
