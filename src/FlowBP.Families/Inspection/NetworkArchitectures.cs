// Every network that can be inspected: the transformers of the families, and those that several of them share.

using System.Text.Json.Nodes;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Rewards;
using FlowBP.Models.TextEncoders;

namespace FlowBP.Families.Inspection;

/// <summary>The architectures that are known.</summary>
public static class NetworkArchitectures
{
    // Text towers of CLIP by width: the released sizes.
    private static readonly Dictionary<int, (int Hidden, int Layers, int Heads, string Activation)> ClipTextSizes =
        new()
        {
            [512] = (2048, 12, 8, "quick_gelu"),
            [768] = (3072, 12, 12, "quick_gelu"),
            [1024] = (4096, 24, 16, "gelu"),
            [1280] = (5120, 32, 20, "gelu"),
        };

    // Encoders of T5 1.1 by width.
    private static readonly Dictionary<int, (int Hidden, int Layers, int Heads)> T5Sizes = new()
    {
        [512] = (1024, 8, 6),
        [768] = (2048, 12, 12),
        [1024] = (2816, 24, 16),
        [2048] = (5120, 24, 32),
        [4096] = (10240, 24, 64),
    };

    // Dense models of Qwen3 by width.
    private static readonly Dictionary<int, (int Hidden, int Layers, int Heads)> Qwen3Sizes = new()
    {
        [1024] = (3072, 28, 16),
        [2048] = (6144, 28, 16),
        [2560] = (9728, 36, 32),
        [4096] = (12288, 36, 32),
        [5120] = (17408, 40, 40),
    };

    /// <summary>All of them; where several would take a configuration, the first one does.</summary>
    public static IReadOnlyList<NetworkArchitecture> All =>
        [.. ModelFamilies.All.Select(family => family.Transformer), .. Shared];

    // Networks that are parts of several families, and rewards.
    private static readonly NetworkArchitecture[] Shared =
    [
        new(nameof(AutoencoderKLFlux2), json => new AutoencoderKLFlux2(AutoencoderKLFlux2Config.Read(json)))
        {
            ModelWords = ["flux.2", "vae"],
            Keys = ["batch_norm_eps", "latent_channels"],
        },
        new(nameof(AutoencoderKL), json => new AutoencoderKL(AutoencoderKLConfig.Read(json)))
        {
            Keys = ["latent_channels", "block_out_channels"],
            WithoutKeys = ["batch_norm_eps"],
        },
        new(nameof(CLIPTextModelWithProjection), json => new CLIPTextModelWithProjection(ClipTextConfig.Read(json)))
        {
            ModelTypes = ["clip_text_model"],
            ModelWords = ["clip", "text"],
            Released = ReleasedClipText,
            Besides = CLIPTextModelWithProjection.Names.Ignored,
        },
        new(nameof(CLIPTextModel), json => new CLIPTextModel(ClipTextConfig.Read(json)))
        {
            Besides = CLIPTextModel.Names.Ignored,
        },
        new(nameof(T5EncoderModel), json => new T5EncoderModel(T5Config.Read(json)))
        {
            Aliases = ["T5ForConditionalGeneration"],
            ModelTypes = ["t5"],
            ModelWords = ["t5"],
            Released = ReleasedT5,
            Tied = T5EncoderModel.Names.Tied.ToDictionary(names => names.Item2, names => names.Item1),
            Besides = T5EncoderModel.Names.Ignored,
        },
        new(nameof(Qwen3ForCausalLM), json => new Qwen3ForCausalLM(Qwen3Config.Read(json))) { ModelTypes = ["qwen3"] },
        new(nameof(Qwen3TextEncoder), json => new Qwen3TextEncoder(Qwen3Config.Read(json)))
        {
            ModelWords = ["qwen3"],
            Released = ReleasedQwen3,
            Besides = ["lm_head."],
        },
        new(nameof(CLIPModel), json => new CLIPModel(ClipConfig.Read(json)))
        {
            ModelTypes = ["clip"],
            Keys = ["text_config", "vision_config"],
        },
        new("CLIP", json => new OpenClipModel(OpenClipConfig.Read(json))) { Keys = ["text_cfg", "vision_cfg"] },
        new(nameof(ImageTextMatchingModel), json => new ImageTextMatchingModel(ImageTextMatchingConfig.Read(json)))
        {
            ModelTypes = [ImageTextMatchingConfig.ModelType],
        },
    ];

    private static JsonObject? ReleasedClipText(JsonObject config) =>
        Width(config, "hidden_size") is { } width && ClipTextSizes.TryGetValue(width, out var size)
            ? new JsonObject
            {
                ["intermediate_size"] = size.Hidden,
                ["num_hidden_layers"] = size.Layers,
                ["num_attention_heads"] = size.Heads,
                ["hidden_act"] = size.Activation,
                ["projection_dim"] = width,
            }
            : null;

    private static JsonObject? ReleasedT5(JsonObject config) =>
        Width(config, "d_model") is { } width && T5Sizes.TryGetValue(width, out var size)
            ? new JsonObject
            {
                ["d_ff"] = size.Hidden,
                ["num_layers"] = size.Layers,
                ["num_heads"] = size.Heads,
                ["feed_forward_proj"] = "gated-gelu",
            }
            : null;

    private static JsonObject? ReleasedQwen3(JsonObject config) =>
        Width(config, "hidden_size") is { } width && Qwen3Sizes.TryGetValue(width, out var size)
            ? new JsonObject
            {
                ["intermediate_size"] = size.Hidden,
                ["num_hidden_layers"] = size.Layers,
                ["num_attention_heads"] = size.Heads,
                ["num_key_value_heads"] = 8,
            }
            : null;

    private static int? Width(JsonObject config, string key) =>
        config[key] is JsonValue value && value.TryGetValue(out int width) ? width : null;
}
