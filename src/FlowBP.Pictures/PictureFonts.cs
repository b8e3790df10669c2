// The fonts of labels, in the order in which they are asked for a character: those that the user named; Inter, which travels inside this
// assembly, so that labels look the same on every machine and a machine without fonts has some; the system's own, which are opened
// one by one when a character asks for them. The native library has no fontconfig (it needs no packages of the system), so the
// usual folders are looked through here.

using FlowBP.Pictures.Text;

namespace FlowBP.Pictures;

/// <summary>Fonts, and which of them has a character.</summary>
public sealed class PictureFonts : IDisposable
{
    /// <summary>The environment variable that names fonts to prefer: files or folders, separated by colons.</summary>
    public const string Variable = "FLOWBP_FONT";

    // Beyond that, a character that no font has would cost seconds.
    private const int MostFiles = 2000;
    private const int DeepestFolder = 8;

    private static readonly string[] s_endings = [".ttf", ".otf", ".ttc", ".otc"];

    // What a fallback should rather not look like, worst last.
    private static readonly string[] s_lessLiked =
    [
        "serif",
        "condensed",
        "medium",
        "light",
        "thin",
        "semibold",
        "bold",
        "black",
        "mono",
        "italic",
        "oblique",
    ];

    private static readonly Lazy<PictureFonts> s_default = new(() =>
        new(Environment.GetEnvironmentVariable(Variable), SystemFolders())
    );

    private readonly List<FontFace> chosen = [];
    private readonly List<string> problems = [];
    private readonly Lazy<FontFace> regular = new(() => FontFace.OfResource("FlowBP.Pictures.Inter-Regular.ttf"));
    private readonly Lazy<FontFace> heavy = new(() => FontFace.OfResource("FlowBP.Pictures.Inter-SemiBold.ttf"));
    private readonly List<string> unopened;
    private readonly List<FontFace> opened = [];
    private readonly Dictionary<(string Text, bool Heavy), FontFace?> found = [];

    /// <summary>Fonts of one's own choice.</summary>
    /// <param name="preferred">Files or folders to prefer to the embedded font, separated by colons; null or empty: none.</param>
    /// <param name="folders">Folders to look through for characters that the others lack; they need not exist.</param>
    /// <exception cref="PicturesUnavailableException">The native library does not load.</exception>
    public PictureFonts(string? preferred, IReadOnlyList<string> folders)
    {
        NativeLibraries.RequireSkia();
        foreach (var path in (preferred ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            Prefer(path);
        }

        unopened = [.. folders.SelectMany(FilesIn).Distinct().Take(MostFiles).OrderBy(Dislike)];
    }

    /// <summary>Those that <see cref="Variable"/> names, the embedded one, and the system's.</summary>
    /// <exception cref="PicturesUnavailableException">The native library does not load.</exception>
    public static PictureFonts Default => s_default.Value;

    /// <summary>What is wrong with the preferred fonts, a line each.</summary>
    public IReadOnlyList<string> Problems => problems;

    /// <summary>Where systems keep fonts, and people theirs.</summary>
    public static IReadOnlyList<string> SystemFolders()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var data = Environment.GetEnvironmentVariable("XDG_DATA_HOME") is { Length: > 0 } given
            ? given
            : Path.Combine(home, ".local", "share");
        return
        [
            Path.Combine(data, "fonts"),
            Path.Combine(home, ".fonts"),
            "/usr/local/share/fonts",
            "/usr/share/fonts",
            "/run/current-system/sw/share/X11/fonts",
        ];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var face in chosen.Concat(opened))
        {
            face.Dispose();
        }

        if (regular.IsValueCreated)
        {
            regular.Value.Dispose();
        }

        if (heavy.IsValueCreated)
        {
            heavy.Value.Dispose();
        }
    }

    /// <summary>The first font that has a character.</summary>
    /// <param name="character">What a reader takes for one character: a letter with its marks, a joined emoji.</param>
    /// <param name="isHeavy">Whether it stands in a title.</param>
    /// <returns>Null if no font has it.</returns>
    internal FontFace? For(string character, bool isHeavy)
    {
        if (!found.TryGetValue((character, isHeavy), out var face))
        {
            var all = CharacterKinds.DrawnIn(character);
            face = Search(character, all, isHeavy);
            // Without its marks it is still better than a box; HarfBuzz also finds é where there is no accent alone.
            if (face is null && all.Length > 1)
            {
                face = Search(character, all[..1], isHeavy);
            }

            found.Add((character, isHeavy), face);
        }
        return face;
    }

    private FontFace? Search(string character, int[] codePoints, bool isHeavy)
    {
        bool HasAll(FontFace face) => Array.TrueForAll(codePoints, face.Has);
        // An emoji is better in colour: fonts of emoji come before those of text that happen to have it.
        if (CharacterKinds.IsEmoji(character))
        {
            OpenEmoji();
            if (opened.Where(face => IsOfEmoji(face.Name)).FirstOrDefault(HasAll) is { } colourful)
            {
                return colourful;
            }
        }
        if (chosen.Append(isHeavy ? heavy.Value : regular.Value).FirstOrDefault(HasAll) is { } first)
        {
            return first;
        }

        if (opened.Find(HasAll) is { } earlier)
        {
            return earlier;
        }

        while (OpenNext() is { } next)
        {
            if (HasAll(next))
            {
                return next;
            }
        }
        return null;
    }

    private void OpenEmoji()
    {
        foreach (var path in unopened.Where(IsOfEmoji))
        {
            if (FontFace.OfFile(path) is { } face)
            {
                opened.Add(face);
            }
        }
        unopened.RemoveAll(IsOfEmoji);
    }

    private FontFace? OpenNext()
    {
        while (unopened is [var path, ..])
        {
            unopened.RemoveAt(0);
            if (FontFace.OfFile(path) is { } face)
            {
                opened.Add(face);
                return face;
            }
        }
        return null;
    }

    private static bool IsOfEmoji(string path) =>
        Path.GetFileName(path).Contains("emoji", StringComparison.OrdinalIgnoreCase);

    private void Prefer(string path)
    {
        string[] files = Directory.Exists(path) ? [.. FilesIn(path).OrderBy(Dislike)] : [path];
        FontFace[] faces = [.. files.Where(File.Exists).Select(FontFace.OfFile).OfType<FontFace>()];
        chosen.AddRange(faces);
        if (faces.Length == 0)
        {
            var what =
                Directory.Exists(path) ? "a folder without fonts that can be read"
                : File.Exists(path) ? "not a font that can be read (.ttf, .otf, .ttc)"
                : "no such file or folder";
            problems.Add($"{Variable}: {path} is {what}; labels are set without it");
        }
    }

    private static IEnumerable<string> FilesIn(string folder) =>
        Directory.Exists(folder)
            ? Directory
                .EnumerateFiles(
                    folder,
                    "*",
                    new EnumerationOptions
                    {
                        RecurseSubdirectories = true,
                        MaxRecursionDepth = DeepestFolder,
                        IgnoreInaccessible = true,
                        AttributesToSkip = FileAttributes.None,
                    }
                )
                .Where(file => s_endings.Contains(Path.GetExtension(file).ToLowerInvariant()))
                .Order(StringComparer.Ordinal)
            : [];

    // Upright sans-serifs of ordinary weight first; among equals, in the order of the folders and names.
    private static int Dislike(string path)
    {
        var name = Path.GetFileNameWithoutExtension(path);
        return Array.FindLastIndex(s_lessLiked, word => name.Contains(word, StringComparison.OrdinalIgnoreCase));
    }
}
