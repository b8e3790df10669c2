// The text tower's config.json as transformers writes it. A transformers file carries two dozen keys that concern
// generation, labels or training; they are listed here once, so that a key that is really unknown can be refused.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Clip;

/// <summary>Sizes and options of a CLIP text tower, with the meaning of transformers' config.json.</summary>
public sealed record ClipTextConfig
{
    /// <summary>Number of token ids.</summary>
    public int VocabSize { get; init; } = 49408;

    /// <summary>Width of the residual stream.</summary>
    public int HiddenSize { get; init; } = 512;

    /// <summary>Width of the hidden layer of each MLP.</summary>
    public int IntermediateSize { get; init; } = 2048;

    /// <summary>Width of the projected embedding.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Number of transformer layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>Attention heads per layer.</summary>
    public int NumAttentionHeads { get; init; } = 8;

    /// <summary>Longest prompt in tokens, start and end included.</summary>
    public int MaxPositionEmbeddings { get; init; } = 77;

    /// <summary>Activation of the MLPs: <c>quick_gelu</c>, <c>gelu</c> …</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    /// <summary>Added to the variance in layer normalisation.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>
    /// End-of-text id. The first position that holds it is pooled; 2 stands for the legacy rule, where the position of
    /// the largest id is pooled whatever that id is.
    /// </summary>
    public int EosTokenId { get; init; } = 49407;

    /// <summary>Start-of-text id.</summary>
    public int BosTokenId { get; init; } = 49406;

    /// <summary>Padding id.</summary>
    public int PadTokenId { get; init; } = 1;

    /// <summary>CLIP-L, the first text tower of Stable Diffusion 3 and that of FLUX.1.</summary>
    public static ClipTextConfig ClipL { get; } =
        new()
        {
            HiddenSize = 768,
            IntermediateSize = 3072,
            ProjectionDim = 768,
            NumAttentionHeads = 12,
            EosTokenId = 2,
        };

    /// <summary>CLIP-bigG, the second text tower of Stable Diffusion 3.</summary>
    public static ClipTextConfig ClipBigG { get; } =
        new()
        {
            HiddenSize = 1280,
            IntermediateSize = 5120,
            ProjectionDim = 1280,
            NumHiddenLayers = 32,
            NumAttentionHeads = 20,
            HiddenAct = "gelu",
            EosTokenId = 2,
        };

    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        StoredNetwork.Product(NumHiddenLayers, 4, HiddenSize, HiddenSize)
        + StoredNetwork.Product(NumHiddenLayers, 2, HiddenSize, IntermediateSize)
        + StoredNetwork.Product((Int128)VocabSize + MaxPositionEmbeddings, HiddenSize);

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static ClipTextConfig Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json, or the text section of one.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static ClipTextConfig Read(ConfigReader json)
    {
        var config = json.Fill(new ClipTextConfig());
        TransformersKeys.Ignore(json);
        json.RefuseUnknown();
        ClipTower.Activation(config.HiddenAct, json.File);
        TransformersKeys.RequireHeads(json.File, config.HiddenSize, config.NumAttentionHeads);
        return config;
    }

    /// <summary>
    /// The configuration behind a layout that names the width alone, as published layouts of the released towers do.
    /// </summary>
    /// <param name="file">Names the layout in messages.</param>
    /// <param name="hiddenSize">The width.</param>
    /// <exception cref="CheckpointException">No released tower has this width.</exception>
    public static ClipTextConfig OfReleasedWidth(string file, int hiddenSize) =>
        hiddenSize == ClipL.HiddenSize ? ClipL
        : hiddenSize == ClipBigG.HiddenSize ? ClipBigG
        : throw CheckpointException.ForFile(
            file,
            $"found hidden_size {hiddenSize}, expected {ClipL.HiddenSize} (CLIP-L) or {ClipBigG.HiddenSize} (CLIP-bigG)"
        );

    /// <summary>The content of a config.json that <see cref="Read(string)"/> and transformers understand.</summary>
    public string ToJson() => ToJsonObject("CLIPTextModelWithProjection").ToConfigText();

    internal JsonObject ToJsonObject(string? architecture)
    {
        var json = ConfigRecord.ToJsonObject(this, ("attention_dropout", 0.0), ("model_type", "clip_text_model"));
        if (architecture is not null)
        {
            json["architectures"] = new JsonArray(architecture);
            json["torch_dtype"] = "float32";
        }
        return json;
    }
}
