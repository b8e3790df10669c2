using FlowBP.Formats;

namespace FlowBP.Training.Checkpoints;

/// <summary>Files of a checkpoint among those that somebody else put into its folder, which are never deleted.</summary>
internal static class OwnFiles
{
    /// <summary>Whether a folder has other files.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="own">Paths in it of the checkpoint's own, with slashes.</param>
    public static bool HasOthers(string folder, IEnumerable<string> own)
    {
        HashSet<string> known = new(own, StringComparer.Ordinal);
        return NamesIn(folder).Any(name => !known.Contains(name));
    }

    /// <summary>Deletes the checkpoint's own files, and folders that are empty then. Links are somebody else's and are not followed.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="own">Paths in it, in the order in which they go.</param>
    public static void Delete(string folder, IEnumerable<string> own)
    {
        HashSet<string> there = new(NamesIn(folder), StringComparer.Ordinal);
        foreach (var name in own.Where(there.Contains))
        {
            File.Delete(Path.Combine(folder, name));
        }
        DeleteEmpty(folder);
    }

    private static IEnumerable<string> NamesIn(string folder) =>
        FolderEntries.FilesBelow(folder).Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'));

    private static void DeleteEmpty(string folder)
    {
        foreach (var inner in Directory.EnumerateDirectories(folder).Where(inner => !FolderEntries.IsLink(inner)))
        {
            DeleteEmpty(inner);
        }
        if (!Directory.EnumerateFileSystemEntries(folder).Any())
        {
            Directory.Delete(folder);
        }
    }
}
