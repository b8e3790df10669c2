// A tokenizer.json, read with an error that names file and place. The format describes a pipeline of interchangeable parts;
// a part that is not implemented is refused by its name, never skipped: a skipped part is a tokenizer that is silently wrong.

using System.Text.Json;
using FlowBP.Formats;

namespace FlowBP.Models.Tokenizers;

/// <summary>An opened tokenizer.json.</summary>
internal sealed class TokenizerJson : IDisposable
{
    /// <summary>The largest id of a token; vocabularies end at a fraction of it.</summary>
    public const int LargestId = 10_000_000;

    private readonly JsonDocument document;

    private TokenizerJson(string file, JsonDocument document)
    {
        File = file;
        this.document = document;
    }

    /// <summary>The file, for messages.</summary>
    public string File { get; }

    public static TokenizerJson Open(string file)
    {
        var document = ClipTokenizerFiles.ParseJson(file);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            document.Dispose();
            throw CheckpointException.ForFile(file, "found no JSON object");
        }
        return new TokenizerJson(file, document);
    }

    /// <summary>A part of the pipeline; null if absent or null.</summary>
    public JsonElement? Part(string name) => Optional(document.RootElement, name);

    /// <summary>The model, which must be of the given type (a file may leave the type out).</summary>
    public JsonElement Model(string type)
    {
        var model = Part("model") ?? throw Wrong("model", "none", $"a {type} model");
        var found = Optional(model, "type")?.ToString() ?? type;
        return found == type ? model : throw Wrong("model.type", $"'{found}'", $"'{type}'");
    }

    /// <summary>The tokens beside the vocabulary.</summary>
    public AddedToken[] AddedTokens()
    {
        if (Part("added_tokens") is not { } list)
        {
            return [];
        }
        return [.. Items(list, "added_tokens").Select(item => AddedTokenOf(item, Id(item, "id"), "added_tokens"))];
    }

    /// <summary>One token beside the vocabulary.</summary>
    public AddedToken AddedTokenOf(JsonElement item, int id, string where) =>
        new(Text(item, "content", where), id)
        {
            SingleWord = Flag(item, "single_word"),
            StripsLeft = Flag(item, "lstrip"),
            StripsRight = Flag(item, "rstrip"),
            Normalized = Flag(item, "normalized"),
        };

    /// <summary>The parts of a part: those of a sequence, or itself.</summary>
    public IEnumerable<JsonElement> Sequence(JsonElement? part, string where, string items) =>
        part is not { } given ? []
        : Type(given, where) == "Sequence"
            ? Items(Optional(given, items) ?? throw Wrong(where, "a sequence of nothing", items), where)
        : [given];

    /// <summary>The parts of a part, which must be of given types.</summary>
    /// <param name="where">Name of the part.</param>
    /// <param name="items">The key of a sequence's parts.</param>
    /// <param name="expected">The types in words, for the message.</param>
    /// <param name="types">The types.</param>
    public JsonElement[] RequireParts(string where, string items, string expected, params string[] types)
    {
        JsonElement[] parts = [.. Sequence(Part(where), where, items)];
        string[] found = [.. parts.Select(part => Type(part, where))];
        return found.SequenceEqual(types) ? parts : throw Wrong(where, $"'{string.Join(", ", found)}'", expected);
    }

    /// <summary>Refuses a part whose regular expression is not one of those that are implemented.</summary>
    /// <param name="part">The part.</param>
    /// <param name="where">Its name.</param>
    /// <param name="whose">Whose patterns they are.</param>
    /// <param name="accepted">The patterns.</param>
    public void RequirePattern(JsonElement part, string where, string whose, params string[] accepted)
    {
        var pattern = Optional(part, "pattern") is { } given ? Optional(given, "Regex")?.ToString() : null;
        if (!accepted.Contains(pattern))
        {
            throw Wrong($"{where}.pattern", $"'{pattern}'", $"{whose} own, '{accepted[0]}'");
        }
    }

    /// <summary>Ids by piece, of a model of merges.</summary>
    public Dictionary<string, int> Vocabulary(JsonElement model)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        if (Optional(model, "vocab") is not { ValueKind: JsonValueKind.Object } vocabulary)
        {
            throw Wrong("model.vocab", "none", "ids by piece");
        }
        foreach (var entry in vocabulary.EnumerateObject())
        {
            ids[entry.Name] = Id(vocabulary, entry.Name);
        }
        return ids;
    }

    /// <summary>Merges in their order: a merge is written as a pair, or, in older files, as two pieces with a space between.</summary>
    public List<(string, string)> Merges(JsonElement model)
    {
        var list = Optional(model, "merges") ?? throw Wrong("model.merges", "none", "a list of pairs");
        var merges = new List<(string, string)>();
        foreach (var entry in Items(list, "model.merges"))
        {
            var pair = entry.ValueKind switch
            {
                JsonValueKind.String => entry.GetString()!.Split(' '),
                JsonValueKind.Array => [.. entry.EnumerateArray().Select(TextOrNothing)],
                _ => [],
            };
            if (pair.Length != 2 || pair.Any(string.IsNullOrEmpty))
            {
                throw Wrong($"model.merges[{merges.Count}]", entry.GetRawText(), "two pieces");
            }
            merges.Add((pair[0], pair[1]));
        }
        return merges;
    }

    private static string TextOrNothing(JsonElement item) =>
        item.ValueKind == JsonValueKind.String ? item.GetString()! : "";

    public string Type(JsonElement part, string where) => Text(part, "type", where);

    public string Text(JsonElement part, string key, string where) =>
        Optional(part, key) is { ValueKind: JsonValueKind.String } text
            ? text.GetString()!
            : throw Wrong($"{where}.{key}", "none", "a string");

    public IEnumerable<JsonElement> Items(JsonElement list, string where) =>
        list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray()
            : throw Wrong(where, list.ValueKind.ToString(), "a list");

    /// <summary>A key that must have the one value that is implemented, or be absent.</summary>
    public void Require(JsonElement part, string key, string where, params string[] accepted)
    {
        var found = Optional(part, key) is { } value ? value.GetRawText() : accepted[0];
        if (!accepted.Contains(found))
        {
            throw Wrong($"{where}.{key}", found, string.Join(" or ", accepted));
        }
    }

    public int Id(JsonElement item, string key) =>
        Optional(item, key) is { ValueKind: JsonValueKind.Number } number
        && number.TryGetInt32(out var id)
        && id is >= 0 and <= LargestId
            ? id
            : throw Wrong(key, Optional(item, key)?.ToString() ?? "none", "a token id");

    public static bool Flag(JsonElement item, string key, bool fallback = false) =>
        Optional(item, key) is { } value ? value.ValueKind == JsonValueKind.True : fallback;

    public static JsonElement? Optional(JsonElement parent, string key) =>
        parent.ValueKind == JsonValueKind.Object
        && parent.TryGetProperty(key, out var value)
        && value.ValueKind != JsonValueKind.Null
            ? value
            : null;

    public CheckpointException Wrong(string where, string found, string expected) =>
        CheckpointException.ForFile(File, $"{where}: found {CheckpointException.Shorten(found)}, expected {expected}");

    public void Dispose() => document.Dispose();
}
