// Where a run writes. A new folder is written in place. A folder of an earlier run stays as it is, under its name, while the new
// run writes beside it; once the new run has recorded a step, the two change places in one step of the file system and the old
// one goes. So there is no moment without a complete state under the name, and a run that fails early costs nothing.

using FlowBP.Models.Formats;

namespace FlowBP.Training.Alignment;

/// <summary>Finds or makes the folder that a run may write to.</summary>
internal sealed class OutputPlace : IDisposable
{
    private const string UnfinishedSuffix = ".unfinished";
    private const string ReplacedSuffix = ".replaced";

    private readonly string wanted;
    private readonly bool wasEmpty;

    // The earlier run that is to be replaced; held so that nobody else does.
    private RunManifest? previous;

    /// <summary>Finds the place.</summary>
    /// <param name="root">The folder that the user asked for.</param>
    /// <param name="overwrite">Whether a folder of an earlier run may be replaced.</param>
    /// <exception cref="IOException">It exists and may not be replaced, or cannot be created.</exception>
    public OutputPlace(string root, bool overwrite)
    {
        wanted = Resolved(root);
        if (File.Exists(wanted))
        {
            throw new IOException($"{root} is a file; name a folder with --output_dir");
        }
        Restore();
        Current = wanted;
        if (Holds(wanted) && !ClearIfNeverBegun(wanted))
        {
            previous = Replaceable(root, overwrite);
            Current = wanted + UnfinishedSuffix;
            if (Holds(Current) && !Clear(Current))
            {
                previous.Dispose();
                throw new IOException($"{Current} is in the way of a new run; move it away or delete it");
            }
        }
        try
        {
            wasEmpty = Directory.Exists(Current);
            Directory.CreateDirectory(Current);
            Manifest = RunManifest.Create(Current);
        }
        catch
        {
            previous?.Dispose();
            throw;
        }
    }

    /// <summary>The folder to write to, at present.</summary>
    public string Current { get; private set; }

    /// <summary>The list of what the run writes.</summary>
    public RunManifest Manifest { get; }

    /// <summary>The new run takes the place of the earlier one, whose files are deleted.</summary>
    /// <param name="notice">Hears of files that no run wrote, and where they are now; null: nobody.</param>
    public void Replace(Action<string>? notice)
    {
        if (previous is null)
        {
            return;
        }
        var aside = Unused(wanted + ReplacedSuffix);
        if (FolderEntries.TryExchange(Current, wanted))
        {
            Directory.Move(Current, aside);
        }
        else
        {
            Directory.Move(wanted, aside);
            Directory.Move(Current, wanted);
        }
        FolderEntries.Flush(Path.GetDirectoryName(Path.GetFullPath(wanted))!);
        Current = wanted;
        using var old = previous;
        previous = null;
        try
        {
            if (old.DeleteFrom(aside) is [var first, ..] left)
            {
                notice?.Invoke(
                    $"{left.Count} files or folders that no run wrote ({first}, …) were in the replaced folder and are now in {aside}"
                );
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            notice?.Invoke($"the replaced run is in {aside} and could not be deleted: {e.Message}");
        }
    }

    /// <summary>Deletes what the new run wrote; an earlier one is where it was.</summary>
    public void Abandon()
    {
        Manifest.DeleteFrom(Current);
        if (wasEmpty)
        {
            Directory.CreateDirectory(Current);
        }
    }

    /// <summary>Lets go of the folders.</summary>
    public void Dispose()
    {
        Manifest.Dispose();
        previous?.Dispose();
    }

    // A run that was killed while it replaced another left that one aside: nothing stands in its place where the system can't
    // exchange and there was a moment between two renames, otherwise it was about to be deleted.
    private void Restore()
    {
        var aside = wanted + ReplacedSuffix;
        if (!RunManifest.IsIn(aside))
        {
            return;
        }
        if (!Directory.Exists(wanted))
        {
            Directory.Move(aside, wanted);
        }
        else if (RunManifest.IsIn(wanted))
        {
            Clear(aside);
        }
    }

    private RunManifest Replaceable(string root, bool overwrite)
    {
        if (!overwrite)
        {
            throw new IOException($"{root} exists; name another --output_dir, or replace it with --overwrite true");
        }
        if (!RunManifest.IsIn(wanted))
        {
            throw new IOException(
                $"{root} was not written by a run (it has no .flowbp-run), so it is not replaced; move it away or name another --output_dir"
            );
        }
        if (DriveInfo.GetDrives().Any(drive => drive.RootDirectory.FullName == wanted))
        {
            throw new IOException($"{root} is a mount point and can't be replaced; name a folder in it");
        }
        return RunManifest.Take(wanted);
    }

    // What a run left that was killed before its first step is nobody's work.
    private static bool ClearIfNeverBegun(string folder)
    {
        if (
            !RunManifest.IsIn(folder)
            || new FileInfo(Path.Combine(folder, OutputFolder.MetricsName)) is { Exists: true, Length: > 0 }
        )
        {
            return false;
        }
        return Clear(folder);
    }

    // False: it was not made by a run, or there is something else in it.
    private static bool Clear(string folder)
    {
        if (!RunManifest.IsIn(folder))
        {
            return false;
        }
        using var manifest = RunManifest.Take(folder);
        return manifest.DeleteFrom(folder).Count == 0;
    }

    private static bool Holds(string folder) =>
        Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any();

    private static string Unused(string path) =>
        Enumerable
            .Range(1, int.MaxValue)
            .Select(i => i == 1 ? path : $"{path}-{i}")
            .First(candidate => !Path.Exists(candidate));

    // Two folders can change places only by their own names: not by a link, and not by `.`.
    private static string Resolved(string root)
    {
        var link = Path.Exists(root)
            ? new DirectoryInfo(root).ResolveLinkTarget(returnFinalTarget: true)?.FullName
            : null;
        var path = Path.TrimEndingDirectorySeparator(link ?? root);
        return Path.GetFileName(path) is "." or ".." or ""
            ? Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))
            : path;
    }
}
