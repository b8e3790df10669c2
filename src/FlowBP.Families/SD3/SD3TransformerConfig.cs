// The transformer's config.json of Stable Diffusion 3 and 3.5. Defaults are those of the ecosystem's class, which leaves
// out what equals them.

using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Families.SD3;

/// <summary>Sizes and options of an <see cref="SD3Transformer2DModel"/>, with the meaning of diffusers' config.json.</summary>
public sealed record SD3TransformerConfig
{
    /// <summary>Latent elements per side that the model was made for; scales the position table of a new model.</summary>
    public int SampleSize { get; init; } = 128;

    /// <summary>Latent elements per side of a patch.</summary>
    public int PatchSize { get; init; } = 2;

    /// <summary>Channels of the latent.</summary>
    public int InChannels { get; init; } = 16;

    /// <summary>Channels of the velocity.</summary>
    public int OutChannels { get; init; } = 16;

    /// <summary>Number of joint blocks.</summary>
    public int NumLayers { get; init; } = 18;

    /// <summary>Width of an attention head.</summary>
    public int AttentionHeadDim { get; init; } = 64;

    /// <summary>Attention heads per block.</summary>
    public int NumAttentionHeads { get; init; } = 18;

    /// <summary>Width of the text sequence.</summary>
    public int JointAttentionDim { get; init; } = 4096;

    /// <summary>Width of the pooled text vector.</summary>
    public int PooledProjectionDim { get; init; } = 2048;

    /// <summary>Rows and columns of the position table, in patches; a smaller image uses its centre.</summary>
    public int PosEmbedMaxSize { get; init; } = 96;

    /// <summary>Blocks with a second attention over the image tokens alone (Stable Diffusion 3.5).</summary>
    public IReadOnlyList<int> DualAttentionLayers { get; init; } = [];

    /// <summary>Whether queries and keys are RMS-normalised per head.</summary>
    public bool QkNorm { get; init; }

    /// <summary>Width of the residual streams.</summary>
    public int InnerDim => NumAttentionHeads * AttentionHeadDim;

    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        StoredNetwork.Product(NumLayers, 8, NumAttentionHeads, AttentionHeadDim, NumAttentionHeads, AttentionHeadDim)
        + StoredNetwork.Product(JointAttentionDim, NumAttentionHeads, AttentionHeadDim)
        + StoredNetwork.Product(PooledProjectionDim, NumAttentionHeads, AttentionHeadDim)
        + StoredNetwork.Product(PosEmbedMaxSize, PosEmbedMaxSize, NumAttentionHeads, AttentionHeadDim)
        + StoredNetwork.Product(PatchSize, PatchSize, InChannels, NumAttentionHeads, AttentionHeadDim)
        + StoredNetwork.Product(PatchSize, PatchSize, OutChannels, NumAttentionHeads, AttentionHeadDim);

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static SD3TransformerConfig Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static SD3TransformerConfig Read(ConfigReader json)
    {
        json.RequireClass(nameof(SD3Transformer2DModel));
        var config = json.Fill(new SD3TransformerConfig(), "qk_norm") with
        {
            QkNorm = json.OptionalText("qk_norm") switch
            {
                null => false,
                "rms_norm" => true,
                { } other => throw CheckpointException.ForFile(
                    json.File,
                    $"key 'qk_norm': found '{other}', expected rms_norm or null"
                ),
            },
        };
        if (json.Contains("out_channels") && !json.Has("out_channels"))
        {
            config = config with { OutChannels = config.InChannels };
        }
        // The text is projected into the image's stream, so this width has no freedom.
        var captionDim = json.Int("caption_projection_dim", 1152);
        json.RefuseUnknown();
        if (captionDim != config.InnerDim)
        {
            throw CheckpointException.ForFile(
                json.File,
                $"key 'caption_projection_dim': found {captionDim}, expected {config.InnerDim} "
                    + $"({config.NumAttentionHeads} heads of {config.AttentionHeadDim})"
            );
        }
        return config;
    }

    /// <summary>The content of a config.json that <see cref="Read(string)"/> and diffusers understand.</summary>
    public string ToJson() =>
        ConfigRecord
            .ToJsonObject(
                this,
                ("_class_name", nameof(SD3Transformer2DModel)),
                ("caption_projection_dim", InnerDim),
                ("qk_norm", QkNorm ? "rms_norm" : null)
            )
            .ToConfigText();
}
