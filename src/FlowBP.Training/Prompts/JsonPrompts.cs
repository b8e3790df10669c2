// Prompts in JSON: a list of texts, as benchmarks have them; a list of objects, as an index of precomputed embeddings is; an object per
// line, as data sets are exchanged; and an object that holds one such list.

using System.Text.Json;

namespace FlowBP.Training;

/// <summary>Reads prompts from JSON.</summary>
internal static class JsonPrompts
{
    /// <summary>Whether a line of a text is an object or a list of JSON rather than a prompt.</summary>
    public static bool IsRecord(string line)
    {
        if (line is not (['{', .., '}'] or ['[', .., ']']))
        {
            return false;
        }
        try
        {
            using var json = JsonDocument.Parse(line);
            // A prompt may be written in brackets: only what has names or quotes in it is taken for JSON.
            return json.RootElement.ValueKind == JsonValueKind.Object
                || json.RootElement.EnumerateArray()
                    .Any(item => item.ValueKind is JsonValueKind.String or JsonValueKind.Object);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Whether a text is one document of JSON, a list or an object, whatever is in it.</summary>
    public static bool IsDocument(string text)
    {
        if (text is not ['{' or '[', ..])
        {
            return false;
        }
        try
        {
            JsonDocument.Parse(text).Dispose();
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>The prompts of one document.</summary>
    /// <exception cref="InvalidDataException">It is no list of prompts.</exception>
    public static List<string> OfDocument(string path, string text, PromptKey key)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return OfList(path, ListIn(path, json.RootElement, key), key);
        }
        catch (InvalidOperationException e)
        {
            throw HalfALetter(path, "the object in it", e);
        }
        catch (JsonException e)
        {
            // Objects one after another are JSON lines under another name.
            var lines = PromptText.Lines(text).Where(line => line.Trim().Length > 0).ToArray();
            if (lines.Length > 1 && lines.All(line => IsRecord(line.Trim())))
            {
                return OfLines(path, text, key);
            }
            throw BadFile.Of($"{path} is no JSON list of prompts: {e.Message}");
        }
    }

    /// <summary>The prompts of a file with one value per line; blank lines count for nothing.</summary>
    /// <exception cref="InvalidDataException">A line is no JSON, or has no prompt.</exception>
    public static List<string> OfLines(string path, string text, PromptKey key)
    {
        List<string> prompts = [];
        foreach (var (index, line) in PromptText.Lines(text).Index())
        {
            if (line.Trim().Length == 0)
            {
                continue;
            }
            var where = $"line {index + 1}";
            try
            {
                using var json = JsonDocument.Parse(line);
                prompts.Add(Prompt(path, json.RootElement, where, key));
            }
            catch (JsonException e)
            {
                throw BadFile.Of($"{path}, {where} is no JSON: {e.Message}");
            }
        }
        return prompts;
    }

    private static List<string> OfList(string path, JsonElement list, PromptKey key) =>
        [.. list.EnumerateArray().Select((item, i) => Prompt(path, item, $"item {i}", key))];

    // A list, or an object whose only list under a usual name it is.
    private static JsonElement ListIn(string path, JsonElement root, PromptKey key) =>
        root.ValueKind switch
        {
            JsonValueKind.Array => root,
            JsonValueKind.Object
                when key.Among(EntriesOf(root), "the object in it") is var name
                    && root.GetProperty(name) is { ValueKind: JsonValueKind.Array } list => list,
            _ => throw BadFile.Of(
                $"{path} is no JSON list of prompts: expected [\"a prompt\", …] or [{{\"prompt\": \"…\"}}, …]"
            ),
        };

    private static string Prompt(string path, JsonElement item, string where, PromptKey key)
    {
        try
        {
            return Found(path, item, where, key);
        }
        catch (InvalidOperationException e)
        {
            throw HalfALetter(path, where, e);
        }
    }

    // JSON can write half of a pair of UTF-16 units ("\ud83d"), which is no letter.
    private static InvalidDataException HalfALetter(string path, string where, InvalidOperationException e) =>
        BadFile.Of($"{path}, {where} holds half a letter (\\uD800 to \\uDFFF alone): {e.Message}", e);

    private static string Found(string path, JsonElement item, string where, PromptKey key)
    {
        var value = item;
        var name = "";
        if (item.ValueKind == JsonValueKind.Object)
        {
            name = key.Among(EntriesOf(item), where);
            value = item.GetProperty(name);
        }
        else
        {
            key.SayUnused("texts without names");
        }
        var prompt =
            value.ValueKind == JsonValueKind.String
                ? value.GetString()!.Trim()
                : throw BadFile.Of(
                    name.Length == 0
                        ? $"{path}, {where} is {Kind(value)}, expected a text or an object with one"
                        : $"{path}, {where}: '{name}' is {Kind(value)}, expected a text"
                );
        return prompt.Length > 0 ? prompt : throw BadFile.Of($"{path}, {where} is empty: remove it or write a prompt");
    }

    private static KeyValuePair<string, string?>[] EntriesOf(JsonElement item) =>
        [.. item.EnumerateObject().Select(entry => KeyValuePair.Create(entry.Name, (string?)entry.Value.ToString()))];

    private static string Kind(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.Array => "a list",
            JsonValueKind.Object => "an object",
            JsonValueKind.Number => "a number",
            JsonValueKind.Null => "null",
            _ => "no text",
        };
}
