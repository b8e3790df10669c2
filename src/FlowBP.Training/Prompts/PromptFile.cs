// Prompts come as lines of text, as a list in JSON, as an object per line (JSON lines), or as a column of a table. What a file is says
// its name; that a text is really JSON says its first character, and then it is not painted. Nothing is replaced on the way: bytes
// that are no UTF-8 are refused with their line, since a prompt with a wrong letter is another prompt.

namespace FlowBP.Training;

/// <summary>Reads files of prompts.</summary>
public static class PromptFile
{
    /// <summary>The word for the usual names of a prompt's key or column.</summary>
    public const string UsualKeys = "auto";

    /// <summary>Reads a file.</summary>
    /// <param name="path">
    /// The file: <c>.json</c> (a list of texts or of objects), <c>.jsonl</c> or <c>.ndjson</c> (an object or a text per line),
    /// <c>.csv</c> or <c>.tsv</c> (a table with a header); any other name: one prompt per line, blank lines at its very end ignored.
    /// UTF-8, with or without a byte order mark; any line ends.
    /// </param>
    /// <param name="captionKey">Key or column of the prompt; <see cref="UsualKeys"/>: prompt, caption or text.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">
    /// It has no prompt, one is empty, it is not UTF-8, or what a record's prompt is cannot be told; names file and line.
    /// </exception>
    public static IReadOnlyList<string> Read(string path, string captionKey = UsualKeys)
    {
        var text = PromptText.Read(path);
        var key = new PromptKey(path, captionKey);
        List<string> prompts = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".json" => JsonPrompts.OfDocument(path, text, key),
            ".jsonl" or ".ndjson" => JsonPrompts.OfLines(path, text, key),
            ".csv" => TablePrompts.Read(path, text, ",", key),
            ".tsv" => TablePrompts.Read(path, text, "\t", key),
            ".yaml" or ".yml" => throw new InvalidDataException(
                $"{path} is YAML, whose lines are no prompts: write one per line (.txt), or .json, .jsonl, .csv"
            ),
            _ => Lines(path, text, key),
        };
        return prompts.Count > 0
            ? prompts
            : throw new InvalidDataException($"{path} holds no prompts: write one per line");
    }

    // How pages begin that were stored in place of what a link should have given.
    private static readonly string[] Pages = ["<!doctype html", "<html", "<?xml"];

    private static List<string> Lines(string path, string text, PromptKey key)
    {
        key.SayUnused("one prompt per line");
        List<string> lines = [.. PromptText.Lines(text).Select(line => line.Trim())];
        while (lines.Count > 0 && lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }
        if (lines.IndexOf("") is >= 0 and var empty)
        {
            throw new InvalidDataException($"{path}, line {empty + 1} is empty: remove it or write a prompt");
        }
        if (lines is [var first, ..] && Pages.Any(page => first.StartsWith(page, StringComparison.OrdinalIgnoreCase)))
        {
            throw new InvalidDataException(
                $"{path} is a web page (HTML), as a login or an error leaves it in place of a download: fetch the file again"
            );
        }
        if (lines.FindIndex(JsonPrompts.IsRecord) is >= 0 and var record)
        {
            throw new InvalidDataException(
                $"{path}, line {record + 1} is JSON, not a prompt: name the file .jsonl (an object per line) or .json (a list)"
            );
        }
        return lines;
    }
}
