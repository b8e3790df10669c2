// What the patterns of tokenizers tell apart. .NET has no word for some of Unicode's categories.

using System.Globalization;
using System.Text;

namespace FlowBP.Models.Tokenizers;

/// <summary>Kinds of characters.</summary>
internal enum RuneKind
{
    Break,
    Space,
    Letter,
    Number,
    Other,
}

internal static class RuneKinds
{
    /// <summary>The kind of the character at a place: a surrogate without its other half is one of no kind.</summary>
    /// <param name="text">The text.</param>
    /// <param name="position">Where it begins.</param>
    /// <param name="length">How many UTF-16 units it has.</param>
    public static RuneKind At(string text, int position, out int length)
    {
        if (!Rune.TryGetRuneAt(text, position, out var rune))
        {
            length = 1;
            return RuneKind.Other;
        }
        length = rune.Utf16SequenceLength;
        return rune.Value is '\r' or '\n' ? RuneKind.Break
            : Rune.IsWhiteSpace(rune) ? RuneKind.Space
            : Rune.IsLetter(rune) ? RuneKind.Letter
            : IsNumber(rune) ? RuneKind.Number
            : RuneKind.Other;
    }

    // Of a category N: digits, letters that are numbers, and others such as ½.
    private static bool IsNumber(Rune rune) =>
        Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.DecimalDigitNumber
                or UnicodeCategory.LetterNumber
                or UnicodeCategory.OtherNumber;
}
