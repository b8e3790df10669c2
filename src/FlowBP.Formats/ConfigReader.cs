// A model's config.json, read strictly: every key is either read, or known and of no consequence here, or refused by
// name. A setting that is silently ignored is a model that is silently wrong.

using System.Text.Json.Nodes;
using FlowBP.Settings;

namespace FlowBP.Formats;

/// <summary>Reads the keys of one JSON object and refuses those that nobody asked for.</summary>
public sealed class ConfigReader
{
    /// <summary>The most layers of a network; the largest that were released have half as many.</summary>
    public const int MostLayers = 256;

    private const string LayersWord = "layers";

    private readonly JsonObject json;
    private readonly string section;
    private readonly HashSet<string> known = new(StringComparer.Ordinal);

    private ConfigReader(string file, JsonObject json, string section)
    {
        File = file;
        this.json = json;
        this.section = section;
    }

    /// <summary>The file that the object comes from, for messages.</summary>
    public string File { get; }

    /// <summary>Reads a file whose content is one JSON object.</summary>
    /// <exception cref="CheckpointException">The file is missing or holds no JSON object, or a key twice.</exception>
    public static ConfigReader Open(string file) => Parse(file, JsonFile.Text(file, "no such file"));

    /// <summary>Reads a text that is one JSON object.</summary>
    /// <param name="file">Names the text in messages.</param>
    /// <param name="text">The JSON text.</param>
    /// <exception cref="CheckpointException">The text is no JSON object, or has a key twice.</exception>
    public static ConfigReader Parse(string file, string text) => Of(file, JsonFile.Parse(file, text));

    /// <summary>Reads an object of a file that was read before.</summary>
    internal static ConfigReader Of(string file, JsonObject json) => new(file, json, section: "");

    /// <summary>Whether the key is there with a value other than null.</summary>
    public bool Has(string key) => json[key] is not null;

    /// <summary>Whether the key is there, be its value null or not.</summary>
    public bool Contains(string key) => json.ContainsKey(key);

    /// <summary>An integer; <paramref name="fallback"/> if absent or null, an error if that is null too.</summary>
    /// <remarks>A key that counts layers has at most <see cref="MostLayers"/>: each is built, even where only sizes are asked for.</remarks>
    public int Int(string key, int? fallback = null) =>
        key.Contains(LayersWord, StringComparison.Ordinal)
            ? Read(
                key,
                $"an integer up to {MostLayers}",
                n => n.GetValue<int>() is var count and <= MostLayers ? count : throw new FormatException(),
                fallback
            )
            : Read(key, "an integer", n => n.GetValue<int>(), fallback);

    /// <summary>A finite number.</summary>
    public double Double(string key, double? fallback = null) =>
        Read(
            key,
            "a number",
            n => n.GetValue<double>() is var value && double.IsFinite(value) ? value : throw new FormatException(),
            fallback
        );

    /// <summary>True or false.</summary>
    public bool Bool(string key, bool? fallback = null) =>
        Read(key, "true or false", n => n.GetValue<bool>(), fallback);

    /// <summary>A value of the type of another, which it is if absent or null.</summary>
    internal object Read(string key, object fallback) =>
        fallback switch
        {
            int value => Int(key, value),
            double value => Double(key, value),
            bool value => Bool(key, value),
            string value => Text(key, value),
            IReadOnlyList<int> value => Ints(key, value),
            _ => throw new NotSupportedException($"{key}: no key is a {fallback.GetType()}"),
        };

    /// <summary>A string.</summary>
    public string Text(string key, string? fallback = null) =>
        OptionalText(key) ?? fallback ?? throw Missing(key, "a string");

    /// <summary>A string, or null if absent or null.</summary>
    public string? OptionalText(string key) => Value(key) is { } node ? As(key, "a string", node, Str) : null;

    /// <summary>A list of integers.</summary>
    public IReadOnlyList<int> Ints(string key, IReadOnlyList<int>? fallback = null) =>
        List(key, "a list of integers", n => n.GetValue<int>(), fallback);

    /// <summary>A list of strings.</summary>
    public IReadOnlyList<string> Texts(string key, IReadOnlyList<string>? fallback = null) =>
        List(key, "a list of strings", Str, fallback);

    /// <summary>A nested object, or null if absent or null.</summary>
    public ConfigReader? Section(string key) =>
        Value(key) switch
        {
            null => null,
            JsonObject nested => new ConfigReader(File, nested, $"{section}{key}."),
            _ => throw Wrong(key, json[key]!, "an object"),
        };

    /// <summary>A list of nested objects; empty if absent or null.</summary>
    public IReadOnlyList<ConfigReader> Sections(string key) =>
        Value(key) switch
        {
            null => [],
            JsonArray array when array.All(item => item is JsonObject) =>
            [
                .. array.Select((item, i) => new ConfigReader(File, (JsonObject)item!, $"{section}{key}[{i}].")),
            ],
            { } other => throw Wrong(key, other, "a list of objects"),
        };

    /// <summary>Keys that may be there and change nothing in the arithmetic.</summary>
    public void Ignore(params ReadOnlySpan<string> keys)
    {
        foreach (var key in keys)
        {
            known.Add(key);
        }
    }

    /// <summary>Accepts a key only with the one value that this project implements.</summary>
    /// <exception cref="CheckpointException">The key is there with another value.</exception>
    public void Require(string key, string expected)
    {
        if (Value(key) is { } node && node.ToJsonString() != expected)
        {
            throw Wrong(key, node, expected);
        }
    }

    /// <summary>Accepts the file of one class only, where it names a class.</summary>
    /// <param name="expected">The class's name in the ecosystem.</param>
    /// <exception cref="CheckpointException">The file is another class's.</exception>
    public void RequireClass(string expected)
    {
        if (OptionalText("_class_name") is { } found && found != expected)
        {
            throw CheckpointException.ForFile(File, $"found a configuration of {found}, expected one of {expected}");
        }
    }

    /// <summary>Refuses keys that were neither read nor ignored; a leading underscore marks a writer's own notes.</summary>
    /// <exception cref="CheckpointException">Names the unknown key and the nearest known one.</exception>
    public void RefuseUnknown()
    {
        foreach (var (key, _) in json)
        {
            if (!key.StartsWith('_') && !known.Contains(key))
            {
                var hint = NearestNames.Question(CheckpointException.Shorten(key), known);
                throw CheckpointException.ForFile(
                    File,
                    $"unknown key '{section}{CheckpointException.Shorten(key)}' {hint}".TrimEnd()
                );
            }
        }
    }

    private JsonNode? Value(string key)
    {
        known.Add(key);
        return json[key];
    }

    private T Read<T>(string key, string kind, Func<JsonNode, T> read, T? fallback)
        where T : struct => Value(key) is { } node ? As(key, kind, node, read) : fallback ?? throw Missing(key, kind);

    private IReadOnlyList<T> List<T>(string key, string kind, Func<JsonNode, T> read, IReadOnlyList<T>? fallback) =>
        Value(key) switch
        {
            null => fallback ?? throw Missing(key, kind),
            JsonArray array =>
            [
                .. array.Select(n => n is null ? throw Wrong(key, array, kind) : As(key, kind, n, read)),
            ],
            { } other => throw Wrong(key, other, kind),
        };

    private T As<T>(string key, string kind, JsonNode node, Func<JsonNode, T> read)
    {
        try
        {
            return read(node);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or OverflowException)
        {
            throw Wrong(key, node, kind);
        }
    }

    private static string Str(JsonNode node) => node.GetValue<string>();

    private CheckpointException Missing(string key, string kind) =>
        CheckpointException.ForFile(File, $"key '{section}{key}': found none, expected {kind}");

    private CheckpointException Wrong(string key, JsonNode found, string expected) =>
        CheckpointException.ForFile(
            File,
            $"key '{section}{key}': found {CheckpointException.Shorten(found.ToJsonString())}, expected {expected}"
        );
}
