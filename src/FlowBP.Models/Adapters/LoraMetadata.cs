// PEFT's settings of an adapter as diffusers keeps them in a file's header: one JSON object whose keys begin with the name of
// the pipeline's part. What would change the arithmetic and is not built here (DoRA, trained biases) is refused by name.

using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FlowBP.Models.Formats;

namespace FlowBP.Models.Adapters;

internal sealed class LoraMetadata
{
    /// <summary>Where the header keeps the JSON.</summary>
    public const string Key = "lora_adapter_metadata";

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly string file;
    private readonly string prefix;
    private readonly JsonObject? json;
    private readonly double? alpha;
    private readonly Dictionary<string, double> alphaPattern = new(StringComparer.Ordinal);

    private LoraMetadata(string file, string prefix, JsonObject? json)
    {
        this.file = file;
        this.prefix = prefix;
        this.json = json;
        if (json is null)
        {
            return;
        }
        Refuse("use_dora", node => node is JsonValue value && value.TryGetValue(out bool on) && on);
        Refuse("lora_bias", node => node is JsonValue value && value.TryGetValue(out bool on) && on);
        Refuse("bias", node => node is JsonValue value && value.TryGetValue(out string? text) && text != "none");
        RankStabilized = Value("use_rslora") is JsonValue stabilized && stabilized.TryGetValue(out bool yes) && yes;
        alpha = Value("lora_alpha") is { } node ? Number("lora_alpha", node) : null;
        if (Value("alpha_pattern") is JsonObject pattern)
        {
            foreach (var (path, value) in pattern)
            {
                alphaPattern.Add(path, Number($"alpha_pattern.{path}", value));
            }
        }
    }

    /// <summary>Whether the strength is alpha over the rank's square root.</summary>
    public bool RankStabilized { get; }

    /// <summary>Reads a file's metadata; there may be none.</summary>
    /// <exception cref="CheckpointException">It is no JSON object, or asks for what is not built.</exception>
    public static LoraMetadata Read(SafetensorsFile tensors, string prefix)
    {
        if (!tensors.Metadata.TryGetValue(Key, out string? text))
        {
            return new LoraMetadata(tensors.Path, prefix, null);
        }
        try
        {
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            return JsonNode.Parse(text, documentOptions: options) is JsonObject json
                ? new LoraMetadata(tensors.Path, prefix, json)
                : throw CheckpointException.ForFile(tensors.Path, $"metadata '{Key}': found no JSON object");
        }
        catch (JsonException e)
        {
            throw CheckpointException.ForFile(tensors.Path, $"metadata '{Key}' is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Alpha of a layer as the settings have it, or null: a pattern that matches the end of its path, or the one.</summary>
    public double? AlphaOf(string path)
    {
        foreach (var (pattern, value) in alphaPattern)
        {
            // PEFT's patterns are regular expressions; those that it writes are paths. The engine without backtracking
            // takes linear time whatever a hostile file says.
            if (pattern == path || Matches(pattern, path))
            {
                return value;
            }
        }
        return alpha;
    }

    /// <summary>The settings that most layers share.</summary>
    public LoraConfig ToConfig(IReadOnlyList<LoraFileEntry> entries)
    {
        var (rank, most) = entries.GroupBy(e => (e.Rank, e.Alpha)).MaxBy(group => group.Count())!.Key;
        string[] targets =
            Value("target_modules") is JsonArray array
            && array.All(n => n is JsonValue v && v.TryGetValue(out string? _))
                ? [.. array.Select(n => n!.GetValue<string>())]
                : [.. entries.Select(entry => entry.Path)];
        return new LoraConfig
        {
            Rank = rank,
            Alpha = most,
            TargetModules = targets,
        };
    }

    /// <summary>The JSON for an adapter's header; its keys are sorted, as diffusers sorts them.</summary>
    public static string Json(string prefix, LoraConfig config, IReadOnlyList<LoraLayer> layers)
    {
        JsonObject ranks = [];
        JsonObject alphas = [];
        foreach (LoraLayer layer in layers.OrderBy(layer => layer.Path, StringComparer.Ordinal))
        {
            // What is stored is the strength in PEFT's words: alpha for which alpha / rank is the layer's.
            double alpha = layer.Scaling * layer.Rank;
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

    private JsonNode? Value(string key) => json?[$"{prefix}.{key}"];

    private void Refuse(string key, Func<JsonNode, bool> isSet)
    {
        if (Value(key) is { } node && isSet(node))
        {
            throw CheckpointException.ForFile(
                file,
                $"metadata '{prefix}.{key}': found {node.ToJsonString()}, which is not implemented: plain LoRA only"
            );
        }
    }

    private double Number(string key, JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out double number) && double.IsFinite(number)
            ? number
            : throw CheckpointException.ForFile(
                file,
                $"metadata '{prefix}.{key}': found {CheckpointException.Shorten(node?.ToJsonString() ?? "null")}, "
                    + "expected a number"
            );

    private bool Matches(string pattern, string path)
    {
        try
        {
            return Regex.IsMatch(
                path,
                $@"^(.*\.)?({pattern})$",
                RegexOptions.NonBacktracking | RegexOptions.CultureInvariant
            );
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw CheckpointException.ForFile(
                file,
                $"metadata '{prefix}.alpha_pattern': found '{CheckpointException.Shorten(pattern)}', expected the path of a layer"
            );
        }
    }
}
