// What no font has, and how that is told: once for each script, with what to do about it.
using System.Text;
using HarfBuzzSharp;

namespace FlowBP.Pictures.Text;

/// <summary>Collects characters that labels show as boxes.</summary>
internal sealed class MissingCharacters
{
    private const int Examples = 3;

    // Scripts by their tags of ISO 15924. Others are told by the tag.
    private static readonly Dictionary<string, (string Name, string Package)> s_scripts = new()
    {
        ["Arab"] = ("Arabic", Core),
        ["Armn"] = ("Armenian", Core),
        ["Beng"] = ("Bengali", Core),
        ["Bopo"] = ("Bopomofo", Cjk),
        ["Cyrl"] = ("Cyrillic", Core),
        ["Deva"] = ("Devanagari", Core),
        ["Ethi"] = ("Ethiopic", Core),
        ["Geor"] = ("Georgian", Core),
        ["Grek"] = ("Greek", Core),
        ["Gujr"] = ("Gujarati", Core),
        ["Guru"] = ("Gurmukhi", Core),
        ["Hang"] = ("Hangul", Cjk),
        ["Hani"] = ("Han", Cjk),
        ["Hebr"] = ("Hebrew", Core),
        ["Hira"] = ("Hiragana", Cjk),
        ["Kana"] = ("Katakana", Cjk),
        ["Khmr"] = ("Khmer", Core),
        ["Knda"] = ("Kannada", Core),
        ["Laoo"] = ("Lao", Core),
        ["Latn"] = ("Latin", Core),
        ["Mlym"] = ("Malayalam", Core),
        ["Mymr"] = ("Myanmar", Core),
        ["Orya"] = ("Oriya", Core),
        ["Sinh"] = ("Sinhala", Core),
        ["Taml"] = ("Tamil", Core),
        ["Telu"] = ("Telugu", Core),
        ["Thai"] = ("Thai", Core),
        ["Tibt"] = ("Tibetan", Core),
    };

    private const string Core = "fonts-noto-core";
    private const string Cjk = "fonts-noto-cjk";
    private const string Emoji = "fonts-noto-color-emoji";

    private readonly SortedDictionary<string, (string Package, List<string> Characters)> pending = new(
        StringComparer.Ordinal
    );
    private readonly HashSet<string> told = [];

    /// <summary>Notes a character that no font has.</summary>
    /// <param name="character">What a reader takes for one character.</param>
    /// <param name="script">Its script.</param>
    public void Add(string character, Script script)
    {
        var tag = script.ToString();
        (var name, var package) =
            CharacterKinds.IsEmoji(character) ? ("emoji", Emoji)
            : s_scripts.TryGetValue(tag, out (string, string) known) ? known
            : tag is "Zyyy" or "Zinh" or "Zzzz" ? ("symbols", Core)
            : ($"the script {tag}", Core);
        if (told.Contains(name))
        {
            return;
        }

        if (!pending.TryGetValue(name, out var entry))
        {
            pending.Add(name, entry = (package, []));
        }

        if (entry.Characters.Count <= Examples && !entry.Characters.Contains(character))
        {
            entry.Characters.Add(character);
        }
    }

    /// <summary>The line that tells of scripts not told of before; null: there are none.</summary>
    public string? TakeNotice()
    {
        if (pending.Count == 0)
        {
            return null;
        }

        var scripts = pending.Select(entry => $"{entry.Key} ({Shown(entry.Value.Characters)})");
        IEnumerable<string> packages = pending.Values.Select(entry => entry.Package).Distinct().Order();
        var notice =
            $"no font here has {string.Join(", ", scripts)}, so the labels of pictures show boxes: install fonts "
            + $"(Debian and Ubuntu: {string.Join(", ", packages)}), or name a font file with {PictureFonts.Variable}";
        told.UnionWith(pending.Keys);
        pending.Clear();
        return notice;
    }

    private static string Shown(List<string> characters) =>
        string.Join(" ", characters.Take(Examples).Select(CodePoints)) + (characters.Count > Examples ? " …" : "");

    private static string CodePoints(string character) =>
        string.Join("+", character.EnumerateRunes().Take(2).Select((Rune rune) => $"U+{rune.Value:X4}"));
}
