// Normalisation form C without ICU: the program runs in invariant globalisation mode, so that it needs no system library
// and behaves the same everywhere, and in that mode string.Normalize leaves text as it is. A prompt typed on a Mac
// ("e" followed by a combining accent) must still give the tokens that the models were trained on.
//
// Decompose fully, order the marks by class, recompose (Unicode Standard Annex 15). Hangul is arithmetic.

using System.Globalization;
using System.Text;

namespace FlowBP.Models.Tokenizers;

internal static class UnicodeComposition
{
    private const int HangulBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TailBase = 0x11A7;
    private const int Leads = 19;
    private const int Vowels = 21;
    private const int Tails = 28;

    private static readonly Dictionary<int, int[]> Decompositions = [];
    private static readonly Dictionary<(int, int), int> Compositions = [];
    private static readonly Dictionary<int, int> Classes = [];
    private static readonly Dictionary<int, string> PlainWidths = [];

    static UnicodeComposition()
    {
        using var stream = typeof(UnicodeComposition).Assembly.GetManifestResourceStream("UnicodeFacts.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            var fields = line.Split(' ');
            switch (fields[0])
            {
                case "D":
                    AddDecomposition(fields);
                    break;
                case "C":
                    for (var code = Hex(fields[2]); code <= Hex(fields[3]); code++)
                    {
                        Classes[code] = int.Parse(fields[1], CultureInfo.InvariantCulture);
                    }
                    break;
                case "W":
                    PlainWidths[Hex(fields[1])] = string.Concat(
                        fields.Skip(2).Select(f => new Rune(Hex(f)).ToString())
                    );
                    break;
            }
        }
    }

    /// <summary>Normalisation form C of a text.</summary>
    public static string Compose(string text)
    {
        // Everything below U+0300 is composed already.
        if (text.All(c => c < 0x300))
        {
            return text;
        }
        var codes = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            Decompose(rune.Value, codes);
        }
        SortMarks(codes);
        var result = new StringBuilder(text.Length);
        foreach (var code in Recompose(codes))
        {
            result.Append(new Rune(code).ToString());
        }
        return result.ToString();
    }

    /// <summary>Full-width and half-width forms replaced by plain ones.</summary>
    public static string PlainWidth(string text)
    {
        if (text.All(c => c < 0x3000))
        {
            return text;
        }
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            result.Append(PlainWidths.TryGetValue(c, out var plain) ? plain : c);
        }
        return result.ToString();
    }

    private static void AddDecomposition(string[] fields)
    {
        var code = Hex(fields[1]);
        int[] parts = [.. fields.Skip(2).Where(f => f != "*").Select(Hex)];
        Decompositions[code] = parts;
        if (parts.Length == 2 && fields[^1] != "*")
        {
            Compositions[(parts[0], parts[1])] = code;
        }
    }

    private static void Decompose(int code, List<int> codes)
    {
        var syllable = code - HangulBase;
        if (syllable is >= 0 and < Leads * Vowels * Tails)
        {
            codes.Add(LeadBase + syllable / (Vowels * Tails));
            codes.Add(VowelBase + syllable / Tails % Vowels);
            if (syllable % Tails != 0)
            {
                codes.Add(TailBase + syllable % Tails);
            }
        }
        else if (Decompositions.TryGetValue(code, out var parts))
        {
            Array.ForEach(parts, part => Decompose(part, codes));
        }
        else
        {
            codes.Add(code);
        }
    }

    private static void SortMarks(List<int> codes)
    {
        for (var i = 1; i < codes.Count; i++)
        {
            var own = Class(codes[i]);
            for (var j = i; own != 0 && j > 0 && Class(codes[j - 1]) > own; j--)
            {
                (codes[j - 1], codes[j]) = (codes[j], codes[j - 1]);
            }
        }
    }

    private static List<int> Recompose(List<int> codes)
    {
        var result = new List<int>(codes.Count);
        var starter = -1;
        var previousClass = -1;
        foreach (var code in codes)
        {
            var own = Class(code);
            // A mark is blocked from its starter by a mark of the same or a higher class in between.
            var adjacent = previousClass == -1 || previousClass < own;
            if (starter >= 0 && adjacent && Pair(result[starter], code) is { } composed)
            {
                result[starter] = composed;
                continue;
            }
            if (own == 0)
            {
                starter = result.Count;
                previousClass = -1;
            }
            else
            {
                previousClass = own;
            }
            result.Add(code);
        }
        return result;
    }

    private static int? Pair(int first, int second)
    {
        var lead = first - LeadBase;
        var vowel = second - VowelBase;
        if (lead is >= 0 and < Leads && vowel is >= 0 and < Vowels)
        {
            return HangulBase + (lead * Vowels + vowel) * Tails;
        }
        var syllable = first - HangulBase;
        var tail = second - TailBase;
        if (syllable is >= 0 and < Leads * Vowels * Tails && syllable % Tails == 0 && tail is > 0 and < Tails)
        {
            return first + tail;
        }
        return Compositions.TryGetValue((first, second), out var composed) ? composed : null;
    }

    private static int Class(int code) => Classes.GetValueOrDefault(code);

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
