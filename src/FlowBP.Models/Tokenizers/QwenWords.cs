// How Qwen's tokenizer cuts a prompt, the regular expression
//     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
// written over Unicode scalar values, because letters beyond the basic plane are letters too and .NET's regular expressions
// see them as two surrogates. The first alternative that matches wins, as in the expression.

namespace FlowBP.Models.Tokenizers;

internal static class QwenWords
{
    /// <summary>The expression, as tokenizer.json files have it.</summary>
    public const string Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    // The long s is an s to an expression that ignores case.
    private static readonly string[] Contractions = ["s", "\u017F", "t", "re", "ve", "m", "ll", "d"];

    /// <summary>The words of a text, in order; together they are the text.</summary>
    public static IEnumerable<string> Split(string text)
    {
        var position = 0;
        while (position < text.Length)
        {
            var end = EndAt(text, position);
            yield return text[position..end];
            position = end;
        }
    }

    private static int EndAt(string text, int start)
    {
        if (text[start] == '\'')
        {
            foreach (var contraction in Contractions)
            {
                if (
                    string.Compare(
                        text,
                        start + 1,
                        contraction,
                        0,
                        contraction.Length,
                        StringComparison.OrdinalIgnoreCase
                    ) == 0
                )
                {
                    return start + 1 + contraction.Length;
                }
            }
        }
        var kind = RuneKinds.At(text, start, out var length);
        var second = start + length;
        if (kind == RuneKind.Letter)
        {
            return Run(text, start, RuneKind.Letter);
        }
        if (
            kind is RuneKind.Space or RuneKind.Other
            && second < text.Length
            && RuneKinds.At(text, second, out _) == RuneKind.Letter
        )
        {
            return Run(text, second, RuneKind.Letter);
        }
        if (kind == RuneKind.Number)
        {
            return second;
        }
        var others = text[start] == ' ' ? second : start;
        var endOfOthers = Run(text, others, RuneKind.Other);
        if (endOfOthers > others)
        {
            return Run(text, endOfOthers, RuneKind.Break);
        }
        return EndOfWhiteSpace(text, start);
    }

    // White space goes up to its last line break; without one, the last space is left to the word that follows.
    private static int EndOfWhiteSpace(string text, int start)
    {
        var end = start;
        var afterBreak = -1;
        var last = start;
        while (end < text.Length)
        {
            var kind = RuneKinds.At(text, end, out var length);
            if (kind is not (RuneKind.Break or RuneKind.Space))
            {
                break;
            }
            last = end;
            end += length;
            afterBreak = kind == RuneKind.Break ? end : afterBreak;
        }
        return afterBreak >= 0 ? afterBreak
            : end == text.Length || last == start ? end
            : last;
    }

    private static int Run(string text, int start, RuneKind kind)
    {
        var end = start;
        while (end < text.Length && RuneKinds.At(text, end, out var length) == kind)
        {
            end += length;
        }
        return end;
    }
}
