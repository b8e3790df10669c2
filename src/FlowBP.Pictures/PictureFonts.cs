// The fonts of labels, in the order in which they are asked for a character: those that the user named; Inter, which travels inside this
// assembly, so that labels look the same on every machine and a machine without fonts has some; the system's own.

using FlowBP.Pictures.Text;

namespace FlowBP.Pictures;

/// <summary>Fonts, and which of them has a character.</summary>
public sealed class PictureFonts : IDisposable
{
    /// <summary>The environment variable that names fonts to prefer: files or folders, separated by colons.</summary>
    public const string Variable = "FLOWBP_FONT";

    private static readonly Lazy<PictureFonts> s_default = new(() =>
        new(Environment.GetEnvironmentVariable(Variable), FontFolders.OfSystem())
    );

    private readonly List<FontFace> chosen = [];
    private readonly List<string> problems = [];
    private readonly Lazy<FontFace> regular = new(() => FontFace.OfResource("FlowBP.Pictures.Inter-Regular.ttf"));
    private readonly Lazy<FontFace> heavy = new(() => FontFace.OfResource("FlowBP.Pictures.Inter-SemiBold.ttf"));
    private readonly FallbackFonts fallbacks;
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

        fallbacks = new(FontFiles.Of(folders));
    }

    /// <summary>Those that <see cref="Variable"/> names, the embedded one, and the system's.</summary>
    /// <exception cref="PicturesUnavailableException">The native library does not load.</exception>
    public static PictureFonts Default => s_default.Value;

    /// <summary>What is wrong with the preferred fonts, a line each.</summary>
    public IReadOnlyList<string> Problems => problems;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var face in chosen)
        {
            face.Dispose();
        }

        fallbacks.Dispose();

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
        if (CharacterKinds.IsEmoji(character) && fallbacks.FirstOfEmoji(HasAll) is { } colourful)
        {
            return colourful;
        }

        return chosen.Append(isHeavy ? heavy.Value : regular.Value).FirstOrDefault(HasAll) ?? fallbacks.First(HasAll);
    }

    private void Prefer(string path)
    {
        string[] files = Directory.Exists(path) ? [.. FontFiles.Of(path)] : [path];
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
}
