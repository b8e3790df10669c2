// Files that are stored as they came. Text encoders have many gigabytes, so large files become a second name of the same file (a hard
// link) where the file system allows it; small ones, which people edit, are copied.

namespace FlowBP.Formats;

/// <summary>Places files in other folders, by a link or a copy.</summary>
internal sealed class PlacedFiles
{
    // What is edited by hand is smaller, what is worth a link is larger.
    private const long MostCopiedBytes = 1 << 20;

    // Where each file was stored last: what could not be linked with its source can be with its copy.
    private readonly Dictionary<string, string> stored = new(StringComparer.Ordinal);

    /// <summary>Puts a file where another is wanted, whole or not at all; what was there is replaced.</summary>
    /// <param name="file">The file, or a symbolic link to it.</param>
    /// <param name="target">Where it is wanted.</param>
    /// <exception cref="CheckpointException">The file can't be read to its end, or the target not be written.</exception>
    /// <exception cref="IOException">The file can't be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public void Place(string file, string target)
    {
        var real = File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(file);
        var full = Path.GetFullPath(target);
        if (real == full)
        {
            return;
        }
        // Opened first: what can't be read is not what can't be written.
        using var content = File.OpenRead(real);
        if (
            content.Length <= MostCopiedBytes
            || !(TryLink(real, full) || TryLink(stored.GetValueOrDefault(real), full))
        )
        {
            AtomicFile.Write(full, to => Copy(content, to));
        }
        stored[real] = full;
    }

    /// <summary>Says that a folder with placed files has another name now.</summary>
    /// <param name="from">The former name.</param>
    /// <param name="to">The new one.</param>
    public void Moved(string from, string to)
    {
        var (former, now) = (Path.GetFullPath(from) + Path.DirectorySeparatorChar, Path.GetFullPath(to));
        foreach (var (real, target) in stored.Where(pair => pair.Value.StartsWith(former, StringComparison.Ordinal)))
        {
            stored[real] = Path.Combine(now, target[former.Length..]);
        }
    }

    // An error of the source is the source's, though it is met while the copy is written.
    private static void Copy(FileStream from, Stream to)
    {
        var bytes = new byte[MostCopiedBytes];
        for (var count = Read(); count > 0; count = Read())
        {
            to.Write(bytes, 0, count);
        }

        int Read()
        {
            try
            {
                return from.Read(bytes);
            }
            catch (IOException e)
            {
                throw CheckpointException.ForFile(from.Name, $"cannot be read: {e.Message}", e);
            }
        }
    }

    private static bool TryLink(string? file, string target)
    {
        if (file is null || !File.Exists(file))
        {
            return false;
        }
        var folder = Path.GetDirectoryName(target)!;
        try
        {
            FolderEntries.Create(folder);
            WrittenFiles.Say(target);
            File.Delete(target);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whoever copies instead will say so.
            return false;
        }
        if (!FolderEntries.TryLink(file, target))
        {
            return false;
        }
        FolderEntries.Flush(folder);
        return true;
    }
}
