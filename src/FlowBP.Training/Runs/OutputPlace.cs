// Where a run writes. A new folder is written in place. A folder of an earlier run stays as it is, under its name, while the new
// run writes beside it; once the new run has recorded a step, the two change places in one step of the file system, and the old
// one is kept aside until the new one has stored weights. So there is no moment without a complete state, and a run that fails
// early costs nothing.

using FlowBP.Formats;

namespace FlowBP.Training.Runs;

/// <summary>Finds or makes the folder that a run may write to.</summary>
internal sealed class OutputPlace : IDisposable
{
    private const string UnfinishedSuffix = ".unfinished";
    private const string ReplacedSuffix = ".replaced";

    private readonly string wanted;
    private readonly bool wasEmpty;

    // The earlier run that is to be replaced; held so that nobody else does.
    private RunManifest? previous;

    // Where it is once the new run has its place.
    private string? aside;

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

    /// <summary>The new run takes the place of the earlier one, which is kept aside.</summary>
    public void Replace()
    {
        if (previous is null)
        {
            return;
        }
        var free = Unused(wanted + ReplacedSuffix);
        if (FolderEntries.TryExchange(Current, wanted))
        {
            Directory.Move(Current, free);
        }
        else
        {
            Directory.Move(wanted, free);
            Directory.Move(Current, wanted);
        }
        FolderEntries.Flush(Path.GetDirectoryName(Path.GetFullPath(wanted))!);
        Current = wanted;
        aside = free;
    }

    /// <summary>Deletes the earlier run that is kept aside: the new one has something to show in its place.</summary>
    /// <param name="notice">Hears of files that no run wrote, and where they are now; null: nobody.</param>
    public void DeletePrevious(Action<string>? notice)
    {
        if (aside is not { } folder)
        {
            return;
        }
        using var old = previous;
        (previous, aside) = (null, null);
        try
        {
            if (old!.DeleteFrom(folder) is [var first, ..] left)
            {
                notice?.Invoke(
                    $"{left.Count} files or folders that no run wrote ({first}, …) were in the replaced folder and are now in {folder}"
                );
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            notice?.Invoke($"the replaced run is in {folder} and could not be deleted: {e.Message}");
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

    // A run that was killed left the one that it was to replace aside. That one comes back where the killed run has stored no
    // weights, and goes where it has.
    private void Restore()
    {
        var folder = wanted + ReplacedSuffix;
        if (!RunManifest.IsIn(folder))
        {
            return;
        }
        if (Directory.Exists(wanted) && RunManifest.IsIn(wanted) && HasWeights(wanted))
        {
            Clear(folder);
        }
        else if (!Directory.Exists(wanted) || Clear(wanted))
        {
            Directory.Move(folder, wanted);
        }
    }

    private static bool HasWeights(string folder) =>
        Directory.EnumerateFiles(folder, "*.safetensors", SearchOption.AllDirectories).Any();

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
