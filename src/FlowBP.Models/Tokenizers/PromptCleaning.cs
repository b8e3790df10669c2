// What happens to a prompt before it is cut into words. The two families of CLIP tokenizers differ: transformers composes,
// collapses white space and lower-cases; open_clip first repairs what web text suffers from (entities, mojibake, curled
// quotes, ligatures, full-width letters), because its training captions came from there.

using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace FlowBP.Models.Tokenizers;

internal static partial class PromptCleaning
{
    private static readonly UTF8Encoding StrictUtf8 = new(
        encoderShouldEmitUTF8Identifier: false,
        throwOnInvalidBytes: true
    );

    // Windows-1252 from 0x80 to 0x9F; the five bytes that it leaves undefined stand for themselves.
    private const string Windows1252 =
        "\u20AC\u0081\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\u008D\u017D\u008F"
        + "\u0090\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\u009D\u017E\u0178";

    private static readonly Dictionary<char, string> Ligatures = new()
    {
        ['\u0132'] = "IJ",
        ['\u0133'] = "ij",
        ['\u0149'] = "\u02BCn",
        ['\u01C4'] = "D\u017D",
        ['\u01C5'] = "D\u017E",
        ['\u01C6'] = "d\u017E",
        ['\u01C7'] = "LJ",
        ['\u01C8'] = "Lj",
        ['\u01C9'] = "lj",
        ['\u01CA'] = "NJ",
        ['\u01CB'] = "Nj",
        ['\u01CC'] = "nj",
        ['\u01F1'] = "DZ",
        ['\u01F2'] = "Dz",
        ['\u01F3'] = "dz",
        ['\uFB00'] = "ff",
        ['\uFB01'] = "fi",
        ['\uFB02'] = "fl",
        ['\uFB03'] = "ffi",
        ['\uFB04'] = "ffl",
        ['\uFB05'] = "\u017Ft",
        ['\uFB06'] = "st",
    };

    /// <summary>Cleaning of transformers' CLIP tokenizer.</summary>
    public static string Transformers(string prompt) =>
        LowerCase(CollapseWhiteSpace(UnicodeComposition.Compose(prompt)), finalSigma: false);

    /// <summary>Cleaning of open_clip's tokenizer.</summary>
    public static string OpenClip(string prompt)
    {
        var text = prompt.Contains('<') ? prompt : Unescape(prompt);
        text = TerminalEscape().Replace(text, "");
        text = RepairMojibake(text);
        text = ReplaceLigatures(text);
        text = UnicodeComposition.PlainWidth(text);
        text = SingleQuotes().Replace(text, "'");
        text = DoubleQuotes().Replace(text, "\"");
        text = ControlCharacters().Replace(text, "");
        text = UnicodeComposition.Compose(text);
        text = Unescape(Unescape(text));
        return LowerCase(CollapseWhiteSpace(text), finalSigma: true);
    }

    private static string Unescape(string text) => WebUtility.HtmlDecode(UnterminatedEntity().Replace(text, "$0;"));

    /// <summary>
    /// UTF-8 that was once read as Windows-1252 turns back into itself: if all of the text fits into that code page and
    /// its bytes are valid UTF-8 with something beyond ASCII, that is what happened; chance hardly ever does it.
    /// </summary>
    private static string RepairMojibake(string text)
    {
        while (text.Any(c => c > 0x7F))
        {
            var bytes = new byte[text.Length];
            for (var i = 0; i < text.Length; i++)
            {
                var high = Windows1252.IndexOf(text[i], StringComparison.Ordinal);
                var latin = text[i] is <= (char)0x7F or (>= (char)0xA0 and <= (char)0xFF);
                if (!latin && high < 0)
                {
                    return text;
                }
                bytes[i] = latin ? (byte)text[i] : (byte)(0x80 + high);
            }
            try
            {
                text = StrictUtf8.GetString(bytes);
            }
            catch (DecoderFallbackException)
            {
                return text; // Honest Windows-1252 text is no valid UTF-8: there is nothing to repair.
            }
        }
        return text;
    }

    private static string ReplaceLigatures(string text)
    {
        if (!text.Any(Ligatures.ContainsKey))
        {
            return text;
        }
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            result.Append(Ligatures.TryGetValue(c, out var letters) ? letters : c);
        }
        return result.ToString();
    }

    private static string CollapseWhiteSpace(string text) => WhiteSpace().Replace(text, " ").Trim();

    /// <summary>Lower case by Unicode's rules, with their two exceptions to one letter for one letter.</summary>
    private static string LowerCase(string text, bool finalSigma)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '\u0130')
            {
                result.Append("i\u0307");
            }
            else if (finalSigma && c == '\u03A3' && IsLetter(text, i - 1) && !IsLetter(text, i + 1))
            {
                result.Append('\u03C2');
            }
            else if (char.IsHighSurrogate(c) && Rune.TryGetRuneAt(text, i, out var rune))
            {
                result.Append(Rune.ToLowerInvariant(rune).ToString());
                i++;
            }
            else
            {
                result.Append(char.ToLowerInvariant(c));
            }
        }
        return result.ToString();
    }

    private static bool IsLetter(string text, int i) => i >= 0 && i < text.Length && char.IsLetter(text[i]);

    [GeneratedRegex(@"\s+")]
    private static partial Regex WhiteSpace();

    [GeneratedRegex("[\u02BC\u2018-\u201B]")]
    private static partial Regex SingleQuotes();

    [GeneratedRegex("[\u201C-\u201F]")]
    private static partial Regex DoubleQuotes();

    [GeneratedRegex("[\0-\b\v\x0E-\x1F\x7F\u206A-\u206F\uFEFF\uFFF9-\uFFFC]")]
    private static partial Regex ControlCharacters();

    [GeneratedRegex("\x1B\\[[0-9;]*[a-zA-Z]")]
    private static partial Regex TerminalEscape();

    // HTML lets the oldest entities go without their semicolon.
    [GeneratedRegex("&(?:amp|lt|gt|quot)(?!;)", RegexOptions.IgnoreCase)]
    private static partial Regex UnterminatedEntity();
}
