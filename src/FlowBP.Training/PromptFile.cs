// Prompts come as lines of text, or as a JSON list of objects that have a caption among other things: the index that is written with
// precomputed embeddings.

using System.Text.Json;

namespace FlowBP.Training;

/// <summary>Files of prompts: one per line, or a JSON list.</summary>
public static class PromptFile
{
    /// <summary>Longest line that is taken for a prompt, in characters.</summary>
    public const int LongestLine = 2000;

    /// <summary>Reads a file; blank lines at its very end are ignored.</summary>
    /// <param name="path">The file; JSON if its name ends in .json.</param>
    /// <param name="captionKey">Key of the prompt in the objects of a JSON list.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file has no prompt, or one is empty or over-long.</exception>
    public static IReadOnlyList<string> Read(string path, string captionKey = "caption")
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"no prompt file {path}");
        }
        if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            return ReadJson(path, captionKey);
        }
        List<string> lines = [.. File.ReadLines(path).Select(line => line.Trim())];
        while (lines.Count > 0 && lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }
        if (lines.Count == 0)
        {
            throw new InvalidDataException($"{path} holds no prompts: write one per line");
        }
        for (var i = 0; i < lines.Count; i++)
        {
            if (lines[i].Length == 0)
            {
                throw new InvalidDataException($"{path}, line {i + 1} is empty: remove it or write a prompt");
            }
            if (lines[i].Length > LongestLine)
            {
                throw new InvalidDataException(
                    $"{path}, line {i + 1} has {lines[i].Length} characters: a prompt has at most {LongestLine}"
                );
            }
        }
        return lines;
    }

    private static List<string> ReadJson(string path, string captionKey)
    {
        try
        {
            using var stream = File.OpenRead(path);
            using var json = JsonDocument.Parse(stream);
            List<string> prompts = [.. json.RootElement.EnumerateArray().Select((item, i) => Caption(item, i))];
            return prompts.Count > 0 ? prompts : throw new InvalidDataException($"{path} holds no prompts");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path} is no JSON list of objects: {e.Message}");
        }

        string Caption(JsonElement item, int index)
        {
            var prompt =
                item.ValueKind == JsonValueKind.Object
                && item.TryGetProperty(captionKey, out var caption)
                && caption.ValueKind == JsonValueKind.String
                    ? caption.GetString()!.Trim()
                    : throw new InvalidDataException(
                        $"{path}, item {index} has no text '{captionKey}': name the key of the prompt with caption_key"
                    );
            return prompt.Length switch
            {
                0 => throw new InvalidDataException($"{path}, item {index} is empty: remove it or write a prompt"),
                > LongestLine => throw new InvalidDataException(
                    $"{path}, item {index} has {prompt.Length} characters: a prompt has at most {LongestLine}"
                ),
                _ => prompt,
            };
        }
    }
}
