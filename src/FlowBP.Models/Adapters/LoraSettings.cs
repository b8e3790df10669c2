// PEFT's settings of an adapter: adapter_config.json, or, as diffusers keeps them, one JSON object in a file's header whose keys begin
// with the name of the pipeline's part. What would change the arithmetic and is not built here (DoRA, trained biases, other kinds
// of adapters, a changed base) is refused by name.

using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

internal sealed class LoraSettings
{
    /// <summary>Where the header keeps the JSON.</summary>
    public const string Key = "lora_adapter_metadata";

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    // Ways of starting an adapter that leave the base as it was released. Others (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA) subtract the
    // adapter's start from it.
    private static readonly string[] UnchangedBases = ["gaussian", "eva", "orthogonal"];

    // PEFT's own, where its file does not say.
    private const double PeftAlpha = 8;

    private readonly string file;
    private readonly string start;
    private readonly string kind;
    private readonly JsonObject? json;
    private readonly double? alpha;
    private readonly int? rank;
    private readonly Dictionary<string, double> alphaPattern;
    private readonly Dictionary<string, double> rankPattern;

    // start: what keys begin with; kind: what a key is called in messages.
    private LoraSettings(string file, string start, string kind, JsonObject? json)
    {
        this.file = file;
        this.start = start;
        this.kind = kind;
        this.json = json;
        RefuseOtherKinds();
        RankStabilized = IsOn("use_rslora");
        alpha = IsThere("lora_alpha") ? Number("lora_alpha", Value("lora_alpha")) : null;
        rank = Value("r") is { } given ? (int)Number("r", given) : null;
        alphaPattern = Pattern("alpha_pattern");
        rankPattern = Pattern("rank_pattern");
    }

    /// <summary>Whether the strength is alpha over the rank's square root.</summary>
    public bool RankStabilized { get; }

    /// <summary>Whether the settings say how strong the adapter is.</summary>
    public bool HasAlpha => alpha is not null;

    /// <summary>Reads PEFT's file.</summary>
    /// <param name="file">adapter_config.json.</param>
    /// <exception cref="CheckpointException">It is damaged, or asks for what is not built.</exception>
    public static LoraSettings OfPeft(string file)
    {
        var json = JsonFile.Read(file);
        if (!json.ContainsKey("lora_alpha"))
        {
            LoadingNotices.Say($"{file} has no lora_alpha: {PeftAlpha} is taken, as PEFT does");
            json["lora_alpha"] = PeftAlpha;
        }
        return new(file, "", "key", json);
    }

    /// <summary>Reads what a file's header has of diffusers' metadata; there may be none.</summary>
    /// <exception cref="CheckpointException">It is no JSON object, or asks for what is not built.</exception>
    public static LoraSettings OfHeader(ICheckpointSource tensors, string prefix)
    {
        if (tensors is not SafetensorsFile file || !file.Metadata.TryGetValue(Key, out var text))
        {
            return new LoraSettings(tensors.Path, "", "metadata", null);
        }
        try
        {
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            return JsonNode.Parse(text, documentOptions: options) is JsonObject json
                ? new LoraSettings(tensors.Path, $"{prefix}.", "metadata", json)
                : throw CheckpointException.ForFile(tensors.Path, $"metadata '{Key}': found no JSON object");
        }
        catch (JsonException e)
        {
            throw CheckpointException.ForFile(tensors.Path, $"metadata '{Key}' is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Refuses factors of another rank than the settings say.</summary>
    /// <param name="path">The layer, as the file names it.</param>
    /// <param name="found">The rank of its factors.</param>
    /// <exception cref="CheckpointException">They have another one: file and settings don't belong together.</exception>
    public void RequireRank(string path, int found)
    {
        if ((InPattern("rank_pattern", rankPattern, path) ?? rank) is { } expected && expected != found)
        {
            throw CheckpointException.ForFile(
                file,
                $"{Named("r")}: found rank {expected} for {path}, whose factors have rank {found}: settings and factors are of"
                    + " different adapters"
            );
        }
    }

    /// <summary>Alpha of a layer as the settings have it, or null: a pattern that matches the end of its path, or the one.</summary>
    public double? AlphaOf(string path) => InPattern("alpha_pattern", alphaPattern, path) ?? alpha;

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

    private void RefuseOtherKinds()
    {
        Refuse("peft_type", node => Text(node) is { } type && !type.Equals("LORA", StringComparison.OrdinalIgnoreCase));
        foreach (var flag in new[] { "use_dora", "lora_bias", "use_qalora", "use_bdlora", "fan_in_fan_out" })
        {
            Refuse(flag, _ => IsOn(flag));
        }
        Refuse("bias", node => Text(node) is { } text && text != "none");
        Refuse(
            "init_lora_weights",
            node => Text(node) is { } way && !UnchangedBases.Contains(way, StringComparer.OrdinalIgnoreCase)
        );
        foreach (
            var list in new[]
            {
                "modules_to_save",
                "layer_replication",
                "target_parameters",
                "trainable_token_indices",
                "alora_invocation_tokens",
            }
        )
        {
            Refuse(list, node => node is JsonArray { Count: > 0 } or JsonObject { Count: > 0 });
        }
    }

    private Dictionary<string, double> Pattern(string key) =>
        Value(key) switch
        {
            null => [],
            JsonObject pattern => pattern.ToDictionary(
                pair => pair.Key,
                pair => Number($"{key}.{pair.Key}", pair.Value),
                StringComparer.Ordinal
            ),
            { } other => throw Wrong(key, other, "numbers by layer"),
        };

    private double? InPattern(string key, Dictionary<string, double> patterns, string path)
    {
        foreach (var (pattern, value) in patterns)
        {
            // PEFT's patterns are regular expressions; those that it writes are paths. The engine without backtracking
            // takes linear time whatever a hostile file says.
            if (pattern == path || Matches(key, pattern, path))
            {
                return value;
            }
        }
        return null;
    }

    private JsonNode? Value(string key) => json?[start + key];

    private bool IsThere(string key) => json?.ContainsKey(start + key) == true;

    private bool IsOn(string key) =>
        Value(key) switch
        {
            null => false,
            JsonValue value when value.TryGetValue(out bool on) => on,
            { } other => throw Wrong(key, other, "true or false"),
        };

    private static string? Text(JsonNode node) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private string Named(string key) => $"{kind} '{start}{key}'";

    private void Refuse(string key, Func<JsonNode, bool> isSet)
    {
        if (Value(key) is { } node && isSet(node))
        {
            throw CheckpointException.ForFile(
                file,
                $"{Named(key)}: found {CheckpointException.Shorten(node.ToJsonString())}, which is not implemented: plain LoRA only"
            );
        }
    }

    private double Number(string key, JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out double number) && double.IsFinite(number)
            ? number
            : throw Wrong(key, node, "a number");

    private CheckpointException Wrong(string key, JsonNode? node, string expected) =>
        CheckpointException.ForFile(
            file,
            $"{Named(key)}: found {CheckpointException.Shorten(node?.ToJsonString() ?? "null")}, expected {expected}"
        );

    private bool Matches(string key, string pattern, string path)
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
                $"{Named(key)}: found '{CheckpointException.Shorten(pattern)}', expected the path of a layer"
            );
        }
    }
}
