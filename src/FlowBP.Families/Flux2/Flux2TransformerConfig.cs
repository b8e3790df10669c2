// The transformer's config.json of FLUX.2. Defaults are those of the ecosystem's class, which leaves out what equals them;
// they are the large model's, so a Klein model's file names nearly everything.

using FlowBP.Formats;
using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.Flux2;

/// <summary>Sizes and options of a <see cref="Flux2Transformer2DModel"/>, with the meaning of diffusers' config.json.</summary>
public sealed record Flux2TransformerConfig
{
    /// <summary>Channels of an image token: a patch of 2 × 2 latent elements.</summary>
    public int InChannels { get; init; } = 128;

    /// <summary>Channels of an image token's velocity.</summary>
    public int OutChannels { get; init; } = 128;

    /// <summary>Number of double-stream blocks.</summary>
    public int NumLayers { get; init; } = 8;

    /// <summary>Number of single-stream blocks, after the others.</summary>
    public int NumSingleLayers { get; init; } = 48;

    /// <summary>Width of an attention head.</summary>
    public int AttentionHeadDim { get; init; } = 128;

    /// <summary>Attention heads per block.</summary>
    public int NumAttentionHeads { get; init; } = 48;

    /// <summary>Width of the text sequence.</summary>
    public int JointAttentionDim { get; init; } = 15360;

    /// <summary>Width of the sinusoids of time and guidance.</summary>
    public int TimestepGuidanceChannels { get; init; } = 256;

    /// <summary>Width of an MLP, in widths of the streams.</summary>
    public double MlpRatio { get; init; } = 3;

    /// <summary>Elements of a head that each position axis turns.</summary>
    public IReadOnlyList<int> AxesDimsRope { get; init; } = [32, 32, 32, 32];

    /// <summary>Base of the rotations' frequencies.</summary>
    public double RopeTheta { get; init; } = 2000;

    /// <summary>Added to the variance of every norm.</summary>
    public double Eps { get; init; } = 1e-6;

    /// <summary>Whether the guidance scale is an input; not in the Klein models.</summary>
    public bool GuidanceEmbeds { get; init; } = true;

    /// <summary>Width of the residual streams.</summary>
    public int InnerDim => NumAttentionHeads * AttentionHeadDim;

    /// <summary>Width inside an MLP, after the gate.</summary>
    public int MlpDim => (int)(InnerDim * MlpRatio);

    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        StoredNetwork.Product(
            (Int128)NumLayers + NumSingleLayers,
            4,
            NumAttentionHeads,
            AttentionHeadDim,
            NumAttentionHeads,
            AttentionHeadDim
        )
        + StoredNetwork.Product(
            (Int128)MlpRatio,
            NumAttentionHeads,
            AttentionHeadDim,
            NumAttentionHeads,
            AttentionHeadDim
        )
        + StoredNetwork.Product(JointAttentionDim, NumAttentionHeads, AttentionHeadDim)
        + StoredNetwork.Product(TimestepGuidanceChannels, NumAttentionHeads, AttentionHeadDim)
        + StoredNetwork.Product((Int128)InChannels + OutChannels, NumAttentionHeads, AttentionHeadDim);

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static Flux2TransformerConfig Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static Flux2TransformerConfig Read(ConfigReader json)
    {
        json.RequireClass(nameof(Flux2Transformer2DModel));
        var config = json.Fill(new Flux2TransformerConfig(), "out_channels");
        config = config with { OutChannels = json.Int("out_channels", config.InChannels) };
        json.Require("patch_size", "1");
        json.RefuseUnknown();
        RotaryAxes.Check(json.File, config.AxesDimsRope, Flux2Positions.Axes, config.AttentionHeadDim);
        return config;
    }

    /// <summary>The content of a config.json that <see cref="Read(string)"/> and diffusers understand.</summary>
    public string ToJson() =>
        ConfigRecord
            .ToJsonObject(
                this,
                ("_class_name", nameof(Flux2Transformer2DModel)),
                ("out_channels", OutChannels == InChannels ? null : OutChannels),
                ("patch_size", 1)
            )
            .ToConfigText();
}
