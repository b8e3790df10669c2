// Which way each character of a line runs: the bidirectional algorithm of Unicode (UAX #9) for text without explicit embeddings,
// which labels drop. Its rules W2, W4 to W7, N1, N2, I1, I2 and L2 are here; pairs of brackets (N0) are treated as other neutral characters.
using System.Globalization;
using System.Text;
using HarfBuzzSharp;

namespace FlowBP.Pictures.Text;

/// <summary>The classes of characters that the algorithm tells apart here.</summary>
internal enum BidiClass : byte
{
    /// <summary>A letter that runs to the right (L).</summary>
    Left,

    /// <summary>A letter of Hebrew and its kin (R).</summary>
    Right,

    /// <summary>A letter of Arabic and its kin (AL).</summary>
    Arabic,

    /// <summary>A European digit (EN).</summary>
    Digit,

    /// <summary>An Arabic digit (AN).</summary>
    ArabicDigit,

    /// <summary>Plus and minus (ES).</summary>
    Sign,

    /// <summary>What stands between digits (CS).</summary>
    Separator,

    /// <summary>What stands beside a number, such as a currency (ET).</summary>
    Unit,

    /// <summary>Everything else (ON, WS).</summary>
    Neutral,
}

/// <summary>Levels of embedding: even ones run to the right, odd ones to the left.</summary>
internal static class BidiLevels
{
    /// <summary>The class of a character, by its first code point.</summary>
    public static BidiClass ClassOf(Rune rune)
    {
        var code = rune.Value;
        switch (code)
        {
            case (>= '0' and <= '9') or (>= 0x06F0 and <= 0x06F9) or (>= 0xFF10 and <= 0xFF19):
                return BidiClass.Digit;
            case (>= 0x0660 and <= 0x0669) or 0x066B or 0x066C:
                return BidiClass.ArabicDigit;
            case '+' or '-' or 0x2212:
                return BidiClass.Sign;
            case '.' or ',' or ':' or '/' or 0xA0:
                return BidiClass.Separator;
            case '#'
            or '$'
            or '%'
            or (>= 0xA2 and <= 0xA5)
            or 0xB0
            or 0xB1
            or 0x2030
            or 0x066A
            or (>= 0x20A0 and <= 0x20CF):
                return BidiClass.Unit;
        }
        var category = Rune.GetUnicodeCategory(rune);
        if (
            !Rune.IsLetterOrDigit(rune)
            && category is not (UnicodeCategory.SpacingCombiningMark or UnicodeCategory.LetterNumber)
        )
        {
            return BidiClass.Neutral;
        }

        var script = UnicodeFunctions.Default.GetScript(code);
        if (script.HorizontalDirection != Direction.RightToLeft)
        {
            return BidiClass.Left;
        }

        return script == Script.Arabic || script == Script.Syriac || script == Script.Thaana
            ? BidiClass.Arabic
            : BidiClass.Right;
    }

    /// <summary>The level of a paragraph: that of its first letter (P2, P3).</summary>
    public static int Base(ReadOnlySpan<BidiClass> classes)
    {
        var first = classes.IndexOfAny(BidiClass.Left, BidiClass.Right, BidiClass.Arabic);
        return first >= 0 && classes[first] != BidiClass.Left ? 1 : 0;
    }

    /// <summary>The level of each character of a paragraph.</summary>
    public static int[] Of(ReadOnlySpan<BidiClass> given, int baseLevel)
    {
        var classes = given.ToArray();
        var outside = baseLevel == 0 ? BidiClass.Left : BidiClass.Right;
        ResolveNumbers(classes, outside);
        ResolveNeutrals(classes, outside);
        var levels = new int[classes.Length];
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = (classes[i], baseLevel) switch
            {
                (BidiClass.Left, 0) => 0,
                (BidiClass.Right, _) => 1,
                _ => 2,
            };
        }
        return levels;
    }

    /// <summary>The order from left to right in which parts of a line stand (L2).</summary>
    /// <param name="levels">The level of each part.</param>
    public static int[] VisualOrder(ReadOnlySpan<int> levels)
    {
        int[] order = [.. Enumerable.Range(0, levels.Length)];
        var highest = 0;
        foreach (var level in levels)
        {
            highest = Math.Max(highest, level);
        }

        for (var level = highest; level > 0; level--)
        {
            for (var start = 0; start < order.Length; start++)
            {
                var end = start;
                while (end < order.Length && levels[order[end]] >= level)
                {
                    end++;
                }

                Array.Reverse(order, start, end - start);
                start = Math.Max(start, end - 1);
            }
        }
        return order;
    }

    private static void ResolveNumbers(BidiClass[] classes, BidiClass outside)
    {
        // W2: digits after Arabic letters are Arabic.
        var strong = outside;
        for (var i = 0; i < classes.Length; i++)
        {
            if (classes[i] is BidiClass.Left or BidiClass.Right or BidiClass.Arabic)
            {
                strong = classes[i];
            }
            else if (classes[i] == BidiClass.Digit && strong == BidiClass.Arabic)
            {
                classes[i] = BidiClass.ArabicDigit;
            }
        }
        // W4: one separator between two digits of a kind.
        for (var i = 1; i + 1 < classes.Length; i++)
        {
            var joins =
                classes[i] == BidiClass.Separator && classes[i - 1] is BidiClass.Digit or BidiClass.ArabicDigit
                || classes[i] == BidiClass.Sign && classes[i - 1] == BidiClass.Digit;
            if (joins && classes[i - 1] == classes[i + 1])
            {
                classes[i] = classes[i - 1];
            }
        }
        // W5, W6: units beside a number belong to it; what is left is neutral.
        for (var start = 0; start < classes.Length; start++)
        {
            var end = start;
            while (end < classes.Length && classes[end] == BidiClass.Unit)
            {
                end++;
            }

            if (end > start)
            {
                var besideNumber =
                    start > 0 && classes[start - 1] == BidiClass.Digit
                    || end < classes.Length && classes[end] == BidiClass.Digit;
                classes.AsSpan(start, end - start).Fill(besideNumber ? BidiClass.Digit : BidiClass.Neutral);
                start = end - 1;
            }
        }
        // W3, W7: Arabic letters are right to left; digits among Latin ones run with them.
        strong = outside;
        for (var i = 0; i < classes.Length; i++)
        {
            if (classes[i] == BidiClass.Arabic)
            {
                classes[i] = BidiClass.Right;
            }

            if (classes[i] is BidiClass.Left or BidiClass.Right)
            {
                strong = classes[i];
            }
            else if (classes[i] == BidiClass.Digit && strong == BidiClass.Left)
            {
                classes[i] = BidiClass.Left;
            }
            else if (classes[i] is BidiClass.Sign or BidiClass.Separator)
            {
                classes[i] = BidiClass.Neutral;
            }
        }
    }

    // N1, N2: between two of a direction, that direction; otherwise the paragraph's. Numbers count as right to left.
    private static void ResolveNeutrals(BidiClass[] classes, BidiClass outside)
    {
        for (var start = 0; start < classes.Length; start++)
        {
            var end = start;
            while (end < classes.Length && classes[end] == BidiClass.Neutral)
            {
                end++;
            }

            if (end > start)
            {
                var before = start == 0 ? outside : Direct(classes[start - 1]);
                var after = end == classes.Length ? outside : Direct(classes[end]);
                classes.AsSpan(start, end - start).Fill(before == after ? before : outside);
                start = end - 1;
            }
        }

        static BidiClass Direct(BidiClass of) => of == BidiClass.Left ? BidiClass.Left : BidiClass.Right;
    }
}
