// Which font files a machine has, and in which order they are tried. The native library has no fontconfig (it needs no packages of the
// system), so the usual folders are looked through here.

namespace FlowBP.Pictures.Text;

/// <summary>Finds font files.</summary>
internal static class FontFiles
{
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

    /// <summary>The font files of folders, those first that a fallback should rather look like.</summary>
    /// <param name="folders">Folders; they need not exist.</param>
    public static IEnumerable<string> Of(IReadOnlyList<string> folders) =>
        folders.SelectMany(In).Distinct().Take(MostFiles).OrderBy(Dislike);

    /// <summary>The font files of a folder, in the same order.</summary>
    /// <param name="folder">A folder; it need not exist.</param>
    public static IEnumerable<string> Of(string folder) => In(folder).OrderBy(Dislike);

    /// <summary>Whether a file is called a font of emoji.</summary>
    public static bool IsOfEmoji(string path) =>
        Path.GetFileName(path).Contains("emoji", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<string> In(string folder) =>
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
