// Between tabs quotes mean two things: to programs that write tables they enclose a field, to people they are the prompt's own. A
// field that begins with a quote tells which: enclosed, its closing quote is followed by a tab or the line's end, and quotes within
// are doubled. Whoever writes the quotes of prompts themselves has no field that ends so, or has other fields that do not.

using FlowBP.Formats;

namespace FlowBP.Training;

/// <summary>Tells whether the fields of a table with tabs are in quotes.</summary>
internal static class TabbedQuotes
{
    private const char Quote = '"';

    /// <summary>Whether quotes enclose fields; that they do is said.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="text">Its content.</param>
    /// <exception cref="InvalidDataException">Some fields are enclosed, and others begin with a quote of their own.</exception>
    public static bool Are(string path, string text)
    {
        int? enclosed = null;
        int? own = null;
        var at = 0;
        while (at < text.Length)
        {
            var next = -1;
            if (text[at] == Quote)
            {
                next = EndOfEnclosed(text, at);
                if (next < 0)
                {
                    own ??= at;
                }
                else
                {
                    enclosed ??= at;
                }
            }
            at = (next < 0 ? EndOfField(text, at) : next) + 1;
        }
        if (enclosed is { } first && own is { } other)
        {
            throw BadFile.Of(
                $"{path}: the field in line {LineOf(text, first)} is enclosed in quotes, the one in line {LineOf(text, other)} begins"
                    + " with a quote and does not end with one: enclose both, and double the quotes within"
            );
        }
        if (enclosed is not null)
        {
            LoadingNotices.Say($"{path}: quotes around its fields are read as enclosing them, and not painted");
        }
        return enclosed is not null;
    }

    // Where the tab or the line's end after an enclosed field is; negative: its quote encloses nothing.
    private static int EndOfEnclosed(string text, int start)
    {
        for (var i = text.IndexOf(Quote, start + 1); i >= 0; i = text.IndexOf(Quote, i + 1))
        {
            var after = i + 1;
            if (after == text.Length || text[after] is '\t' or '\n' or '\r')
            {
                return after;
            }
            if (text[after] != Quote)
            {
                return -1;
            }
            i = after;
        }
        return -1;
    }

    private static int EndOfField(string text, int start)
    {
        var length = text.AsSpan(start).IndexOfAny('\t', '\n', '\r');
        return length < 0 ? text.Length : start + length;
    }

    private static int LineOf(string text, int at) => PromptText.Lines(text[..at]).Length;
}
