// Where people and systems put their fonts; a machine without any of these folders has the embedded font.

namespace FlowBP.Pictures;

/// <summary>Folders of fonts.</summary>
public static class FontFolders
{
    /// <summary>Where systems keep fonts, and people theirs.</summary>
    public static IReadOnlyList<string> OfSystem()
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
}
