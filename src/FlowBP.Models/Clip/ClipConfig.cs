// The two-tower configuration of transformers' CLIPModel: a text section, a vision section, the size of the space that
// both project into.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Clip;

/// <summary>Sizes and options of a CLIP vision tower.</summary>
public sealed record ClipVisionConfig
{
    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        StoredNetwork.Product(NumHiddenLayers, 4, HiddenSize, HiddenSize)
        + StoredNetwork.Product(NumHiddenLayers, 2, HiddenSize, IntermediateSize)
        + StoredNetwork.Product(NumChannels, PatchSize, PatchSize, HiddenSize)
        + StoredNetwork.Product(ImageSize / Math.Max(PatchSize, 1), ImageSize / Math.Max(PatchSize, 1), HiddenSize);

    /// <summary>Width of the residual stream.</summary>
    public int HiddenSize { get; init; } = 768;

    /// <summary>Width of the hidden layer of each MLP.</summary>
    public int IntermediateSize { get; init; } = 3072;

    /// <summary>Width of the projected embedding.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Number of transformer layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>Attention heads per layer.</summary>
    public int NumAttentionHeads { get; init; } = 12;

    /// <summary>Colour channels.</summary>
    public int NumChannels { get; init; } = 3;

    /// <summary>Pixels per side.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>Pixels per side of a patch.</summary>
    public int PatchSize { get; init; } = 32;

    /// <summary>Activation of the MLPs.</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    /// <summary>Added to the variance in layer normalisation.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    internal int Patches => (ImageSize / PatchSize) * (ImageSize / PatchSize);

    internal static ClipVisionConfig Read(ConfigReader json)
    {
        var config = json.Fill(new ClipVisionConfig());
        json.Ignore("bos_token_id", "eos_token_id", "pad_token_id");
        TransformersKeys.Ignore(json);
        json.RefuseUnknown();
        ClipTower.Activation(config.HiddenAct, json.File);
        TransformersKeys.RequireHeads(json.File, config.HiddenSize, config.NumAttentionHeads);
        return config;
    }

    internal JsonObject ToJsonObject() =>
        ConfigRecord.ToJsonObject(this, ("attention_dropout", 0.0), ("model_type", "clip_vision_model"));
}

/// <summary>Sizes and options of a two-tower CLIP model, with the meaning of transformers' config.json.</summary>
public sealed record ClipConfig
{
    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        Text.LeastElements
        + Vision.LeastElements
        + StoredNetwork.Product(ProjectionDim, (Int128)Text.HiddenSize + Vision.HiddenSize);

    /// <summary>The text tower.</summary>
    public ClipTextConfig Text { get; init; } = new();

    /// <summary>The vision tower.</summary>
    public ClipVisionConfig Vision { get; init; } = new();

    /// <summary>Width of the space shared by both towers.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Logarithm of the factor on cosines, as a new model starts with it.</summary>
    public double LogitScaleInit { get; init; } = 2.6592;

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static ClipConfig Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static ClipConfig Read(ConfigReader json)
    {
        var defaults = new ClipConfig();
        var config = new ClipConfig
        {
            Text = json.Section("text_config") is { } text ? ClipTextConfig.Read(text) : defaults.Text,
            Vision = json.Section("vision_config") is { } vision ? ClipVisionConfig.Read(vision) : defaults.Vision,
            ProjectionDim = json.Int("projection_dim", defaults.ProjectionDim),
            LogitScaleInit = json.Double("logit_scale_init_value", defaults.LogitScaleInit),
        };
        // Older files repeat the towers' settings here; the sections above are what transformers reads.
        json.Ignore("text_config_dict", "vision_config_dict", "bos_token_id", "eos_token_id", "pad_token_id");
        TransformersKeys.Ignore(json);
        json.RefuseUnknown();
        return config;
    }

    /// <summary>The content of a config.json that <see cref="Read(string)"/> and transformers understand.</summary>
    public string ToJson() =>
        new JsonObject
        {
            ["architectures"] = new JsonArray("CLIPModel"),
            ["logit_scale_init_value"] = LogitScaleInit,
            ["model_type"] = "clip",
            ["projection_dim"] = ProjectionDim,
            ["text_config"] = Text.ToJsonObject(architecture: null),
            ["torch_dtype"] = "float32",
            ["vision_config"] = Vision.ToJsonObject(),
        }.ToConfigText();
}
