// How Qwen's tokenizer cuts a prompt, the regular expression
//     (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
// written over Unicode scalar values, because letters beyond the basic plane are letters too and .NET's regular expressions
// see them as two surrogates. The first alternative that matches wins, as in the expression.

using System.Text;

namespace FlowBP.Models.Tokenizers;

internal static class QwenWords
{
    /// <summary>The expression, as tokenizer.json files have it.</summary>
    public const string Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    // The long s is an s to an expression that ignores case.
    private static readonly string[] Contractions = ["s", "\u017F", "t", "re", "ve", "m", "ll", "d"];

    private enum Kind
    {
        Break,
        Space,
        Letter,
        Number,
        Other,
    }

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
        var kind = KindAt(text, start, out var length);
        var second = start + length;
        if (kind == Kind.Letter)
        {
            return Run(text, start, Kind.Letter);
        }
        if (kind is Kind.Space or Kind.Other && second < text.Length && KindAt(text, second, out _) == Kind.Letter)
        {
            return Run(text, second, Kind.Letter);
        }
        if (kind == Kind.Number)
        {
            return second;
        }
        var others = text[start] == ' ' ? second : start;
        var endOfOthers = Run(text, others, Kind.Other);
        if (endOfOthers > others)
        {
            return Run(text, endOfOthers, Kind.Break);
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
            var kind = KindAt(text, end, out var length);
            if (kind is not (Kind.Break or Kind.Space))
            {
                break;
            }
            last = end;
            end += length;
            afterBreak = kind == Kind.Break ? end : afterBreak;
        }
        return afterBreak >= 0 ? afterBreak
            : end == text.Length || last == start ? end
            : last;
    }

    private static int Run(string text, int start, Kind kind)
    {
        var end = start;
        while (end < text.Length && KindAt(text, end, out var length) == kind)
        {
            end += length;
        }
        return end;
    }

    private static Kind KindAt(string text, int position, out int length)
    {
        if (!Rune.TryGetRuneAt(text, position, out var rune))
        {
            length = 1;
            return Kind.Other;
        }
        length = rune.Utf16SequenceLength;
        return rune.Value is '\r' or '\n' ? Kind.Break
            : Rune.IsWhiteSpace(rune) ? Kind.Space
            : Rune.IsLetter(rune) ? Kind.Letter
            : RuneCategories.IsNumber(rune) ? Kind.Number
            : Kind.Other;
    }
}
