// The T5 encoder's config.json as transformers writes it. A T5 file describes an encoder and a decoder; the decoder's keys
// are known and change nothing here. Defaults are transformers' own, so a file that leaves a key out means the same in both.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Clip;
using FlowBP.Models.Layers;

namespace FlowBP.Models.TextEncoders;

/// <summary>Sizes and options of a T5 encoder, with the meaning of transformers' config.json.</summary>
public sealed record T5Config
{
    /// <summary>Rows of the token embedding; the tokenizer may have fewer ids.</summary>
    public int VocabSize { get; init; } = 32128;

    /// <summary>Width of the residual stream.</summary>
    public int DModel { get; init; } = 512;

    /// <summary>Width of one attention head; heads times this need not be <see cref="DModel"/>.</summary>
    public int DKv { get; init; } = 64;

    /// <summary>Width of the hidden layer of each MLP.</summary>
    public int DFf { get; init; } = 2048;

    /// <summary>Number of encoder layers.</summary>
    public int NumLayers { get; init; } = 6;

    /// <summary>Attention heads per layer.</summary>
    public int NumHeads { get; init; } = 8;

    /// <summary>Rows of the table of relative positions.</summary>
    public int RelativeAttentionNumBuckets { get; init; } = 32;

    /// <summary>Distance in tokens from which on all positions share a row.</summary>
    public int RelativeAttentionMaxDistance { get; init; } = 128;

    /// <summary>Added to the mean square in normalisation.</summary>
    public double LayerNormEpsilon { get; init; } = 1e-6;

    /// <summary>
    /// The MLP: the name of an activation, with <c>gated-</c> before it where a second projection is multiplied on.
    /// </summary>
    public string FeedForwardProj { get; init; } = "relu";

    /// <summary>Padding id.</summary>
    public int PadTokenId { get; init; }

    /// <summary>End-of-text id.</summary>
    public int EosTokenId { get; init; } = 1;

    /// <summary>The encoder of T5 v1.1 XXL, which Stable Diffusion 3 and FLUX.1 condition on.</summary>
    public static T5Config Xxl { get; } =
        new()
        {
            DModel = 4096,
            DFf = 10240,
            NumLayers = 24,
            NumHeads = 64,
            FeedForwardProj = "gated-gelu",
        };

    internal bool IsGated => FeedForwardProj.StartsWith(Gated, StringComparison.Ordinal);

    /// <summary>The activation in transformers' naming: its "gated-gelu" has always meant the tanh form.</summary>
    internal string Activation =>
        FeedForwardProj == "gated-gelu" ? "gelu_new"
        : IsGated ? FeedForwardProj[Gated.Length..]
        : FeedForwardProj;

    private const string Gated = "gated-";

    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        StoredNetwork.Product(NumLayers, 4, DModel, NumHeads, DKv)
        + StoredNetwork.Product(NumLayers, 2, DModel, DFf)
        + StoredNetwork.Product(VocabSize, DModel)
        + StoredNetwork.Product(RelativeAttentionNumBuckets, NumHeads);

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static T5Config Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static T5Config Read(ConfigReader json)
    {
        TransformersKeys.RequireModelType(json, "t5");
        var config = json.Fill(new T5Config());
        // The first group concerns the decoder and training; the second repeats feed_forward_proj.
        json.Ignore("classifier_dropout", "dropout_rate", "n_positions", "num_decoder_layers", "output_past");
        json.Ignore("scale_decoder_outputs");
        json.Ignore("dense_act_fn", "is_gated_act");
        TransformersKeys.Ignore(json);
        json.RefuseUnknown();
        config.Check(json.File);
        return config;
    }

    /// <summary>
    /// The configuration behind a layout that names the width alone, as published layouts of the released encoders do.
    /// </summary>
    /// <param name="file">Names the layout in messages.</param>
    /// <param name="dModel">The width.</param>
    /// <exception cref="CheckpointException">No released encoder has this width.</exception>
    public static T5Config OfReleasedWidth(string file, int dModel) =>
        dModel == Xxl.DModel
            ? Xxl
            : throw CheckpointException.ForFile(file, $"found d_model {dModel}, expected {Xxl.DModel} (T5 v1.1 XXL)");

    /// <summary>The content of a config.json that <see cref="Read(string)"/> and transformers understand.</summary>
    public string ToJson() =>
        ConfigRecord
            .ToJsonObject(
                this,
                ("architectures", new JsonArray(nameof(T5EncoderModel))),
                ("model_type", "t5"),
                ("torch_dtype", "float32")
            )
            .ToConfigText();

    private void Check(string file)
    {
        ClipTower.Activation(Activation, file);
        foreach (
            var (key, value, least) in new[]
            {
                ("vocab_size", VocabSize, 1),
                ("d_model", DModel, 1),
                ("d_kv", DKv, 1),
                ("d_ff", DFf, 1),
                ("num_layers", NumLayers, 1),
                ("num_heads", NumHeads, 1),
                // Both directions, and in each at least one near and one far row.
                ("relative_attention_num_buckets", RelativeAttentionNumBuckets, 4),
                ("relative_attention_max_distance", RelativeAttentionMaxDistance, 1 + RelativeAttentionNumBuckets / 4),
            }
        )
        {
            if (value < least)
            {
                throw CheckpointException.ForFile(file, $"key '{key}': found {value}, expected at least {least}");
            }
        }
    }
}
