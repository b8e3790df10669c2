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
        return Directory
            .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Any(file => !known.Contains(Path.GetRelativePath(folder, file).Replace('\\', '/')));
    }

    /// <summary>Deletes the checkpoint's own files, and folders that are empty then.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="own">Paths in it, in the order in which they go.</param>
    public static void Delete(string folder, IEnumerable<string> own)
    {
        foreach (var name in own)
        {
            var file = Path.Combine(folder, name);
            if (File.Exists(file))
            {
                File.Delete(file);
            }
        }
        DeleteEmpty(folder);
    }

    private static void DeleteEmpty(string folder)
    {
        foreach (var inner in Directory.EnumerateDirectories(folder))
        {
            DeleteEmpty(inner);
        }
        if (!Directory.EnumerateFileSystemEntries(folder).Any())
        {
            Directory.Delete(folder);
        }
    }
}
