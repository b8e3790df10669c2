// Several files that belong together. All of them are written in full under temporary names first; only when every byte is
// on the disk do they get their names, one rename after another, the file that says which others count last. A full disk
// or an error while writing changes nothing. The folders are flushed last, so that the names are on the disk as well. A file system
// has no rename of several files at once, so between the renames there is a moment; the table that would vouch for a mixture of old
// and new files is taken away before it.

namespace FlowBP.Formats;

/// <summary>Writes several files that appear together.</summary>
internal sealed class AtomicFileSet : IDisposable
{
    private readonly List<(string Temporary, string Path)> written = [];

    // Folders whose entries change.
    private readonly HashSet<string> changed = new(StringComparer.Ordinal);

    /// <summary>Writes a file under a temporary name.</summary>
    /// <exception cref="CheckpointException">The disk is full, or the place cannot be written.</exception>
    public void Add(string path, Action<Stream> write)
    {
        var full = Path.GetFullPath(path);
        var temporary = $"{full}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";
        Guarded(
            path,
            () =>
            {
                var folder = Path.GetDirectoryName(full)!;
                FolderEntries.Create(folder);
                changed.Add(folder);
                using var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write);
                written.Add((temporary, full));
                write(stream);
                stream.Flush(flushToDisk: true);
            }
        );
    }

    /// <summary>Gives the files their names, in the order in which they were added.</summary>
    /// <param name="table">A file that vouches for others and would be wrong in between; deleted before; may be absent.</param>
    /// <param name="obsolete">Files that the new ones replace, deleted after; any may be absent.</param>
    /// <exception cref="CheckpointException">A file cannot be renamed or deleted.</exception>
    public void Commit(string? table, IEnumerable<string> obsolete)
    {
        foreach (var (_, path) in written)
        {
            Guarded(path, () => WrittenFiles.Say(path));
        }
        if (table is not null)
        {
            Guarded(table, () => File.Delete(table));
        }
        foreach (var (temporary, path) in written)
        {
            Guarded(path, () => File.Move(temporary, path, overwrite: true));
        }
        foreach (var path in obsolete)
        {
            Guarded(path, () => File.Delete(path));
        }
        foreach (var folder in changed)
        {
            Guarded(folder, () => FolderEntries.Flush(folder));
        }
    }

    /// <summary>Deletes what has no name yet.</summary>
    public void Dispose()
    {
        foreach (var (temporary, _) in written)
        {
            File.Delete(temporary);
        }
    }

    private static void Guarded(string path, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CheckpointException.ForFile(path, $"cannot be written: {e.Message}", e);
        }
    }
}
