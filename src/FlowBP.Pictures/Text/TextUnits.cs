// A paragraph cut into what its reader takes for characters, each with what decides how it is drawn: font, script and direction, and
// whether a line may end after it.
using System.Globalization;
using System.Text;
using HarfBuzzSharp;

namespace FlowBP.Pictures.Text;

/// <summary>One character as a reader counts them.</summary>
/// <param name="Start">Its first UTF-16 unit in the paragraph.</param>
/// <param name="Length">Its UTF-16 units.</param>
/// <param name="Font">The font that has it; null: none.</param>
/// <param name="Script">Its script, or for what belongs to none the script beside it.</param>
/// <param name="Level">Its bidirectional level.</param>
/// <param name="IsBlank">Whether it is a blank.</param>
/// <param name="MayEndLine">Whether a line may end after it.</param>
internal readonly record struct TextUnit(
    int Start,
    int Length,
    FontFace? Font,
    Script Script,
    int Level,
    bool IsBlank,
    bool MayEndLine
);

/// <summary>Cuts paragraphs.</summary>
internal static class TextUnits
{
    /// <summary>The paragraphs of a text: no control characters, no lone surrogates, single blanks.</summary>
    public static IReadOnlyList<string> Paragraphs(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.ReplaceLineEndings("\n").EnumerateRunes())
        {
            // Lone surrogates are replaced by the enumeration; embeddings of direction have no effect here.
            if (rune.Value == '\n' || !IsControl(rune))
            {
                clean.Append(rune.ToString());
            }
            else if (!IsEmbedding(rune.Value))
            {
                clean.Append(' ');
            }
        }
        return
        [
            .. clean
                .ToString()
                .Split('\n')
                .Select(line => string.Join(' ', line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))),
        ];
    }

    /// <summary>The units of a paragraph.</summary>
    /// <param name="paragraph">One of <see cref="Paragraphs"/>.</param>
    /// <param name="isHeavy">Whether it is set in the heavier weight.</param>
    /// <param name="fonts">The fonts there are.</param>
    /// <param name="missing">Receives what none of them has.</param>
    /// <param name="baseLevel">The paragraph's level; null: as its first letter says.</param>
    /// <returns>The units, and the paragraph's level.</returns>
    public static (TextUnit[] Units, int BaseLevel) Of(
        string paragraph,
        bool isHeavy,
        PictureFonts fonts,
        MissingCharacters missing,
        int? baseLevel = null
    )
    {
        var starts = StringInfo.ParseCombiningCharacters(paragraph);
        var units = new TextUnit[starts.Length];
        var classes = new BidiClass[starts.Length];
        Rune[] first = [.. starts.Select(start => Rune.GetRuneAt(paragraph, start))];
        var scripts = Scripts(first);
        for (var i = 0; i < units.Length; i++)
        {
            classes[i] = BidiLevels.ClassOf(first[i]);
        }

        var level = baseLevel ?? BidiLevels.Base(classes);
        var levels = BidiLevels.Of(classes, level);
        FontFace? previous = null;
        for (var i = 0; i < units.Length; i++)
        {
            var end = i + 1 < starts.Length ? starts[i + 1] : paragraph.Length;
            var character = paragraph[starts[i]..end];
            var isBlank = character == " ";
            // A blank is as wide as the font of its word has it.
            var font = isBlank && previous is not null && previous.Has(' ') ? previous : fonts.For(character, isHeavy);
            if (font is null && CharacterKinds.DrawnIn(character).Length > 0)
            {
                missing.Add(character, scripts[i]);
            }

            previous = font;
            var mayEnd = i + 1 < units.Length && MayEndBetween(first, i);
            units[i] = new(starts[i], end - starts[i], font, scripts[i], levels[i], isBlank, mayEnd);
        }
        return (units, level);
    }

    // What belongs to no script (digits, stops, blanks) is shaped with the letters before it, or with the first after it.
    private static Script[] Scripts(Rune[] first)
    {
        Script[] scripts = [.. first.Select(rune => UnicodeFunctions.Default.GetScript(rune.Value))];
        var known = Array.FindIndex(scripts, IsOne);
        var current = known < 0 ? Script.Common : scripts[known];
        for (var i = 0; i < scripts.Length; i++)
        {
            if (IsOne(scripts[i]))
            {
                current = scripts[i];
            }
            else if (Rune.IsWhiteSpace(first[i]) || char.IsAscii((char)Math.Min(first[i].Value, char.MaxValue)))
            {
                scripts[i] = current;
            }
        }
        return scripts;

        static bool IsOne(Script script) =>
            script != Script.Common && script != Script.Inherited && script != Script.Unknown;
    }

    private static bool MayEndBetween(Rune[] first, int i)
    {
        var here = first[i].Value;
        var next = first[i + 1].Value;
        if (next == ' ')
        {
            return false;
        }

        if (here is ' ' or 0x200B or '—')
        {
            return true;
        }

        if (here is '-' or 0x2010 or '/')
        {
            return i > 0 && Rune.IsLetter(first[i - 1]) && Rune.IsLetter(first[i + 1]);
        }

        return (CharacterKinds.IsIdeographic(here) || CharacterKinds.IsIdeographic(next))
            && !CharacterKinds.ClosesLine(next)
            && !CharacterKinds.OpensLine(here);
    }

    private static bool IsControl(Rune rune) => Rune.IsControl(rune) || IsEmbedding(rune.Value);

    private static bool IsEmbedding(int code) => code is (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069);
}
