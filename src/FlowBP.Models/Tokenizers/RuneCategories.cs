// What the patterns of tokenizers call by Unicode's names and .NET has no word for.

using System.Globalization;
using System.Text;

namespace FlowBP.Models.Tokenizers;

/// <summary>Classes of characters.</summary>
internal static class RuneCategories
{
    /// <summary>Whether a character is of a category N: digits, letters that are numbers, and others such as ½.</summary>
    public static bool IsNumber(Rune rune) =>
        Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.DecimalDigitNumber
                or UnicodeCategory.LetterNumber
                or UnicodeCategory.OtherNumber;
}
