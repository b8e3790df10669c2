// PEFT's settings as diffusers keeps them: one JSON object in the header of the adapter's file.

using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace FlowBP.Models.Adapters;

/// <summary>Writes the settings of an adapter for its file's header.</summary>
internal static class LoraMetadata
{
    /// <summary>Where the header keeps the JSON.</summary>
    public const string Key = "lora_adapter_metadata";

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The JSON for an adapter's header; its keys are sorted, as diffusers sorts them.</summary>
    public static string Json(string prefix, LoraConfig config, IReadOnlyList<LoraLayer> layers)
    {
        JsonObject ranks = [];
        JsonObject alphas = [];
        foreach (var layer in layers.OrderBy(layer => layer.Path, StringComparer.Ordinal))
        {
            // What is stored is the strength in PEFT's words: alpha for which alpha / rank is the layer's.
            var alpha = layer.Scaling * layer.Rank;
            if (layer.Rank != config.Rank)
            {
                ranks[layer.Path] = layer.Rank;
            }
            if (alpha != config.Alpha)
            {
                alphas[layer.Path] = alpha;
            }
        }
        var settings = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["alpha_pattern"] = alphas,
            ["bias"] = "none",
            ["init_lora_weights"] = true,
            ["lora_alpha"] = config.Alpha == Math.Floor(config.Alpha) ? (long)config.Alpha : config.Alpha,
            ["lora_bias"] = false,
            ["lora_dropout"] = 0.0,
            ["peft_type"] = "LORA",
            ["r"] = config.Rank,
            ["rank_pattern"] = ranks,
            ["target_modules"] = new JsonArray([.. config.TargetModules.Select(target => (JsonNode)target)]),
            ["use_dora"] = false,
            ["use_rslora"] = false,
        };
        return new JsonObject(
            settings.Select(pair => KeyValuePair.Create($"{prefix}.{pair.Key}", pair.Value))
        ).ToJsonString(Indented);
    }
}
