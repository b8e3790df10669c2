// Prompts come as lines of text, as a list in JSON, as an object per line (JSON lines), or as a column of a table. What a file is says
// its name; a text whose lines are no prompts (JSON, a table, a list with marks) is refused and not painted. Nothing is replaced on
// the way: bytes that are no UTF-8 are refused with their line, since a prompt with a wrong letter is another prompt.

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
        var prompts = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".json" => JsonPrompts.OfDocument(path, text, key),
            ".jsonl" or ".ndjson" => JsonPrompts.OfLines(path, text, key),
            ".csv" => TablePrompts.Read(path, text, ",", key),
            ".tsv" => TablePrompts.Read(path, text, "\t", key),
            ".yaml" or ".yml" => throw OtherFormat(path, "YAML"),
            ".toml" => throw OtherFormat(path, "TOML"),
            _ => TextPrompts.Read(path, text, key),
        };
        if (prompts.Count == 0)
        {
            throw BadFile.Of($"{path} holds no prompts: write one per line");
        }
        key.SayUnusedEntries();
        PromptSyntax.SayPainted(path, prompts);
        return prompts;
    }

    /// <summary>So many of them, evenly taken, so that every task keeps its share.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="limit">How many; null: all.</param>
    internal static IReadOnlyList<string> Thinned(IReadOnlyList<string> prompts, int? limit) =>
        limit is not { } most || most >= prompts.Count
            ? prompts
            : [.. Enumerable.Range(0, most).Select(i => prompts[(int)((long)i * prompts.Count / most)])];

    private static InvalidDataException OtherFormat(string path, string format) =>
        BadFile.Of(
            $"{path} is {format}, whose lines are no prompts: write one per line (.txt), or .json, .jsonl, .csv"
        );
}
