// What the labels have to know of a character, beyond what the runtime and HarfBuzz tell.
using System.Globalization;
using System.Text;

namespace FlowBP.Pictures.Text;

/// <summary>Kinds of characters.</summary>
internal static class CharacterKinds
{
    /// <summary>The code points of a text that need a glyph: all but blanks, joiners, selectors and the like.</summary>
    public static int[] DrawnIn(string text) =>
        [.. text.EnumerateRunes().Where(rune => NeedsGlyph(rune)).Select(rune => rune.Value)];

    /// <summary>Whether a character (of several code points, perhaps) is shown as an emoji.</summary>
    public static bool IsEmoji(string character)
    {
        foreach (var rune in character.EnumerateRunes())
        {
            if (rune.Value is 0xFE0F or (>= 0x1F000 and <= 0x1FAFF))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Whether a line may end on either side of a character: ideographs and kana, which are written without blanks.</summary>
    public static bool IsIdeographic(int codePoint) =>
        codePoint
            is (>= 0x2E80 and <= 0x2FFF)
                or (>= 0x3001 and <= 0x30FF)
                or (>= 0x3100 and <= 0x312F)
                or (>= 0x31A0 and <= 0x4DBF)
                or (>= 0x4E00 and <= 0x9FFF)
                or (>= 0xF900 and <= 0xFAFF)
                or (>= 0xFF01 and <= 0xFFEF)
                or (>= 0x20000 and <= 0x3FFFF);

    /// <summary>Whether a line does not begin with a character: closing brackets, stops, small kana.</summary>
    public static bool ClosesLine(int codePoint) =>
        "、。，．・：；！？）］｝」』】〉》〕〗〙〟’”ー々〻ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ％".Contains(
            (char)codePoint
        )
        && codePoint <= char.MaxValue;

    /// <summary>Whether a line does not end with a character: opening brackets.</summary>
    public static bool OpensLine(int codePoint) =>
        codePoint <= char.MaxValue && "（［｛「『【〈《〔〖〘〝‘“".Contains((char)codePoint);

    private static bool NeedsGlyph(Rune rune) =>
        !Rune.IsWhiteSpace(rune)
        && Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Format or UnicodeCategory.Control)
        // Selectors of variants, fillers and the grapheme joiner: HarfBuzz leaves them out where a font knows nothing of them.
        && rune.Value
            is not (
                (>= 0xFE00 and <= 0xFE0F)
                or (>= 0xE0100 and <= 0xE01EF)
                or 0x034F
                or 0x115F
                or 0x1160
                or 0x3164
                or 0xFFA0
            );
}
