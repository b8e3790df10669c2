// Every network that can be inspected: the one table. A new architecture is one entry.

using System.Text.Json.Nodes;
using FlowBP.Models.Autoencoders;
using FlowBP.Models.Clip;
using FlowBP.Models.Rewards;
using FlowBP.Models.TextEncoders;
using FlowBP.Models.Transformers;

namespace FlowBP.Models.Inspection;

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

    /// <summary>All of them; where several would take a configuration, the first one does.</summary>
    public static IReadOnlyList<NetworkArchitecture> All { get; } =
    [
        new(nameof(SD3Transformer2DModel), json => new SD3Transformer2DModel(SD3TransformerConfig.Read(json)))
        {
            ModelWords = ["sd3", "transformer"],
            Keys = ["pos_embed_max_size", "joint_attention_dim"],
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
        },
        new(nameof(CLIPTextModel), json => new CLIPTextModel(ClipTextConfig.Read(json))),
        new(nameof(T5EncoderModel), json => new T5EncoderModel(T5Config.Read(json)))
        {
            ModelTypes = ["t5"],
            ModelWords = ["t5"],
            Released = (config, _) =>
                config["d_model"] is JsonValue width && width.TryGetValue(out int d) && d == T5Config.Xxl.DModel
                    ? (JsonObject)JsonNode.Parse(T5Config.Xxl.ToJson())!
                    : null,
            Tied = new Dictionary<string, string> { ["encoder.embed_tokens.weight"] = "shared.weight" },
        },
        new(nameof(Qwen3ForCausalLM), json => new Qwen3ForCausalLM(Qwen3Config.Read(json))) { ModelTypes = ["qwen3"] },
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

    private static JsonObject? ReleasedClipText(JsonObject config, string model) =>
        config["hidden_size"] is JsonValue value
        && value.TryGetValue(out int width)
        && ClipTextSizes.TryGetValue(width, out var size)
            ? new JsonObject
            {
                ["intermediate_size"] = size.Hidden,
                ["num_hidden_layers"] = size.Layers,
                ["num_attention_heads"] = size.Heads,
                ["hidden_act"] = size.Activation,
                ["projection_dim"] = width,
            }
            : null;
}
