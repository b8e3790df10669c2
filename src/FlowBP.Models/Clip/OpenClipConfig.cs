// The configuration of an open_clip model: the file in which HPSv2's ViT-H-14 is described.

using System.Text.Json.Nodes;
using FlowBP.Formats;
using FlowBP.Models.Layers;

namespace FlowBP.Models.Clip;

/// <summary>Sizes of one tower of an open_clip model.</summary>
/// <param name="Width">Width of the residual stream.</param>
/// <param name="Heads">Attention heads per layer.</param>
/// <param name="Layers">Number of layers.</param>
/// <param name="MlpRatio">Hidden width of each MLP, over the width.</param>
public sealed record OpenClipTowerConfig(int Width, int Heads, int Layers, double MlpRatio);

/// <summary>Sizes and options of an open_clip model with a vision transformer.</summary>
public sealed record OpenClipConfig
{
    /// <summary>
    /// Numbers that the network has at least, in integers that no size overflows: what is known of it before anything is built.
    /// </summary>
    internal Int128 LeastElements =>
        StoredNetwork.Product(Text.Layers, 4, Text.Width, Text.Width)
        + StoredNetwork.Product(Vision.Layers, 4, Vision.Width, Vision.Width)
        + StoredNetwork.Product((Int128)VocabSize + ContextLength + EmbedDim, Text.Width)
        + StoredNetwork.Product((Int128)(Text.MlpRatio * Text.Width), Text.Width)
        + StoredNetwork.Product((Int128)(Vision.MlpRatio * Vision.Width), Vision.Width)
        + StoredNetwork.Product(3, PatchSize, PatchSize, Vision.Width)
        + StoredNetwork.Product(ImageSize / Math.Max(PatchSize, 1), ImageSize / Math.Max(PatchSize, 1), Vision.Width);

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

    /// <summary>Width of the space shared by both towers.</summary>
    public required int EmbedDim { get; init; }

    /// <summary>The text tower.</summary>
    public required OpenClipTowerConfig Text { get; init; }

    /// <summary>The vision tower.</summary>
    public required OpenClipTowerConfig Vision { get; init; }

    /// <summary>Longest prompt in tokens.</summary>
    public int ContextLength { get; init; } = 77;

    /// <summary>Number of token ids.</summary>
    public int VocabSize { get; init; } = 49408;

    /// <summary>Pixels per side.</summary>
    public int ImageSize { get; init; } = 224;

    /// <summary>Pixels per side of a patch.</summary>
    public int PatchSize { get; init; } = 16;

    /// <summary>Whether the MLPs use the sigmoid approximation of GELU.</summary>
    public bool QuickGelu { get; init; }

    /// <summary>Reads a config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static OpenClipConfig Read(string file) => Read(ConfigReader.Open(file));

    /// <summary>Reads an opened config.json.</summary>
    /// <exception cref="CheckpointException">A key is unknown, ill-typed or asks for what is not implemented.</exception>
    public static OpenClipConfig Read(ConfigReader json)
    {
        var vision = Required(json, "vision_cfg");
        var text = Required(json, "text_cfg");
        var visionWidth = vision.Int("width", 768);
        var headWidth = vision.Int("head_width", 64);
        if (headWidth <= 0 || visionWidth % headWidth != 0)
        {
            throw CheckpointException.ForFile(
                json.File,
                $"found vision width {visionWidth} and head width {headWidth}"
            );
        }
        var config = new OpenClipConfig
        {
            EmbedDim = json.Int("embed_dim"),
            QuickGelu = json.Bool("quick_gelu", false),
            Vision = new OpenClipTowerConfig(
                visionWidth,
                visionWidth / headWidth,
                vision.Int("layers", 12),
                vision.Double("mlp_ratio", 4.0)
            ),
            ImageSize = vision.Int("image_size", 224),
            PatchSize = vision.Int("patch_size", 16),
            Text = new OpenClipTowerConfig(
                text.Int("width", 512),
                text.Int("heads", 8),
                text.Int("layers", 12),
                text.Double("mlp_ratio", 4.0)
            ),
            ContextLength = text.Int("context_length", 77),
            VocabSize = text.Int("vocab_size", 49408),
        };
        foreach (var tower in new[] { vision, text })
        {
            tower.Require("ls_init_value", "null");
        }
        vision.Require("global_average_pool", "false");
        vision.Require("attentional_pool", "false");
        vision.Require("input_patchnorm", "false");
        vision.Require("timm_model_name", "null");
        vision.Ignore("patch_dropout"); // no effect in evaluation mode
        text.Require("hf_model_name", "null");
        vision.RefuseUnknown();
        text.RefuseUnknown();
        json.Ignore("model_type", "architectures");
        json.RefuseUnknown();
        TransformersKeys.RequireHeads(json.File, config.Text.Width, config.Text.Heads);
        return config;
    }

    /// <summary>The content of a config.json that <see cref="Read(string)"/> and open_clip understand.</summary>
    public string ToJson() =>
        new JsonObject
        {
            ["embed_dim"] = EmbedDim,
            ["quick_gelu"] = QuickGelu,
            ["vision_cfg"] = new JsonObject
            {
                ["image_size"] = ImageSize,
                ["layers"] = Vision.Layers,
                ["width"] = Vision.Width,
                ["head_width"] = Vision.Width / Vision.Heads,
                ["mlp_ratio"] = Vision.MlpRatio,
                ["patch_size"] = PatchSize,
            },
            ["text_cfg"] = new JsonObject
            {
                ["context_length"] = ContextLength,
                ["vocab_size"] = VocabSize,
                ["width"] = Text.Width,
                ["heads"] = Text.Heads,
                ["layers"] = Text.Layers,
                ["mlp_ratio"] = Text.MlpRatio,
            },
        }.ToConfigText();

    private static ConfigReader Required(ConfigReader json, string key) =>
        json.Section(key)
        ?? throw CheckpointException.ForFile(json.File, $"key '{key}': found none, expected an object");
}
