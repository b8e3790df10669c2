// Lists of prompts are kept in many forms, and any of them can be saved under a name that ends in .txt. Painted line by line, a
// bracket, a header or a list's mark becomes a prompt or a part of one, and nobody sees it in the pictures. Each form has a pattern
// here that lines of prose do not have; a prompt may still be written in brackets or hold quotes.

using System.Text.RegularExpressions;

namespace FlowBP.Training;

/// <summary>Tells lines that are no prompts by their form.</summary>
internal static partial class LinesOfOtherForms
{
    private const string Painted = "every line is painted as it stands";

    // How pages begin that were stored in place of what a link should have given.
    private static readonly string[] Pages = ["<!doctype html", "<html", "<?xml"];

    // One such line is enough.
    private static readonly (Regex Pattern, string Problem)[] s_anyLine =
    [
        (
            Literal(),
            "is JSON or a list of a program, not a prompt: name the file .json (a list in \"double quotes\"), or write one prompt per line"
        ),
        (Assignment(), $"assigns a value, as TOML or a program does: {Painted}, so write one prompt per line"),
        (Entry(), $"names its value, as YAML or the parameters of a picture do: {Painted}, so keep the prompts only"),
        (Comment(), $"is a comment, as sd-scripts' prompt files have: {Painted}, so remove it"),
    ];

    /// <summary>What the lines are instead of prompts, to be put after the file's name; null: prompts.</summary>
    /// <param name="lines">The lines without blanks around them.</param>
    /// <param name="key">Knows the usual names of a prompt.</param>
    public static string? Problem(IReadOnlyList<string> lines, PromptKey key)
    {
        if (lines.FirstOrDefault(line => line.Length > 0) is not { } first)
        {
            return null;
        }
        if (Pages.Any(page => first.StartsWith(page, StringComparison.OrdinalIgnoreCase)))
        {
            return " is a web page (HTML), as a login or an error leaves it in place of a download: fetch the file again";
        }
        if (Opening().IsMatch(first) || (lines.Count > 1 && JsonPrompts.IsDocument(string.Join('\n', lines).Trim())))
        {
            return " is JSON or a list of a program over several lines, not one prompt per line: name the file .json (a list in"
                + " \"double quotes\")";
        }
        if (Separator(first, key) is { } separator)
        {
            var form = separator switch
            {
                '\t' => "name the file .tsv",
                ',' => "name the file .csv",
                _ => "separate its columns with commas and name the file .csv",
            };
            return $", line {LineOf(lines, first)} is the header of a table ({first.Replace('\t', ' ')}), not a prompt: {form}";
        }
        for (var i = 0; i < lines.Count; i++)
        {
            if (ProblemOf(lines[i]) is { } problem)
            {
                return $", line {i + 1} {problem}";
            }
        }
        return ProblemOfAll([.. lines.Where(line => line.Length > 0)]);
    }

    /// <summary>What may be meant otherwise, to be put after the file's name; null: nothing.</summary>
    /// <param name="lines">The lines without blanks around them.</param>
    /// <param name="key">Knows the usual names of a prompt.</param>
    public static string? Doubt(IReadOnlyList<string> lines, PromptKey key) =>
        lines switch
        {
            [var only] when Quoted().IsMatch(only) => ": its only line is in quotes, and they are painted",
            [var first, _, ..] when key.IsOne(first) =>
                $": line 1 is '{first}', as the header of a table would be, and is painted as a prompt",
            _ => null,
        };

    private static string? ProblemOf(string line)
    {
        if (JsonPrompts.IsRecord(line))
        {
            return "is JSON, not a prompt: name the file .jsonl (an object per line) or .json (a list)";
        }
        foreach (var (pattern, problem) in s_anyLine)
        {
            if (pattern.IsMatch(line))
            {
                return problem;
            }
        }
        return PromptSyntax.OptionOfSdScripts(line) is { } option
            ? $"has {option}, an option of sd-scripts' prompt files: {Painted}, so remove it (--height, --width, --seed … are given on"
                + " the command line)"
            : null;
    }

    // What is one prompt's own, or a form that all lines share.
    private static string? ProblemOfAll(string[] lines)
    {
        if (lines.All(line => Mark().IsMatch(line) && line[0] == lines[0][0]))
        {
            return $": every line begins with '{lines[0][0]} ', as in a list of Markdown or YAML: remove the marks, which would be painted";
        }
        if (lines.Length > 1 && lines.Index().All(line => Numbered(line.Item, line.Index)))
        {
            return ": its lines are numbered: remove the numbers, which would be painted";
        }
        var needed = lines is [[.., ','], ..] ? 1 : 2;
        return lines.Length >= needed && lines.All(line => Quoted().IsMatch(line))
            ? ": every line is in quotes, which would be painted: remove them, or name the file .jsonl (a text in \"double quotes\" per"
                + " line)"
            : null;
    }

    private static bool Numbered(string line, int index) =>
        Number().Match(line) is { Success: true } match
        && int.TryParse(match.Groups[1].ValueSpan, out var number)
        && (number == index + 1 || number == index);

    // What separates the columns of a header; null: the line is none. A word such as 'text' between commas is also a tag among
    // others, so it makes a header only where nothing else looks like prose.
    private static char? Separator(string line, PromptKey key)
    {
        foreach (var separator in "\t,;|")
        {
            var fields = line.Split(separator);
            string[] names = [.. fields.Select(field => field.Trim().Trim('"', '\'').Trim())];
            if (names.Length < 2 || !names.All(name => ColumnName().IsMatch(name)))
            {
                continue;
            }
            var isPlain =
                separator == '\t' || names.Zip(fields).All(pair => pair.First == pair.Second && IsWord(pair.First));
            if (names.Any(name => key.IsOne(name, certainly: !isPlain)))
            {
                return separator;
            }
        }
        return null;
    }

    private static bool IsWord(string name) => !name.Contains(' ');

    private static int LineOf(IReadOnlyList<string> lines, string line) =>
        lines.Index().First(at => at.Item == line).Index + 1;

    // A text in quotes: backslashes escape, and an apostrophe within a word ends nothing.
    private const string Text = """(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.|'(?=\w))*')""";

    [GeneratedRegex(@"^(?:\w+\s*=\s*)?[\[{(]\s*[\[{(]?$")]
    private static partial Regex Opening();

    [GeneratedRegex(
        @"^(?:\[\s*"
            + Text
            + @"\s*(?:,\s*(?:[""']|$)|\]?\s*,?$)|\(\s*"
            + Text
            + @"\s*,\s*[""']|\[\s*\{\s*[""']|\{\s*[""'][^""']*[""']\s*:|\{\s*\w+\s*:\s*[""'])"
    )]
    private static partial Regex Literal();

    [GeneratedRegex(@"^[A-Za-z_][\w.]*\s*=\s*[""'\[{(]")]
    private static partial Regex Assignment();

    [GeneratedRegex(
        @"^(?:- +)?(?:(?:prompt|caption)s?|negative[ _]prompt)\s*:|^(?:- +)?texts?:\s*(?:$|[""'])|^Steps: *\d+, ",
        RegexOptions.IgnoreCase
    )]
    private static partial Regex Entry();

    [GeneratedRegex(@"^#+(?:\s|$)")]
    private static partial Regex Comment();

    [GeneratedRegex(@"^[-*+•–]\s")]
    private static partial Regex Mark();

    [GeneratedRegex(@"^(\d{1,6})[.)]\s")]
    private static partial Regex Number();

    [GeneratedRegex("^(?:" + Text + @"|[“„«][^“”„«»]*[”“»]|[‘‚][^‘’‚]*[’‘])\s*,?$")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^[\w.\-/ ]{0,40}$")]
    private static partial Regex ColumnName();
}
