// Where a run writes. A new folder is written in place. A folder of an earlier run stays as it is, under its name, while the new
// run writes beside it; once the new run has recorded a step, the two change places in one step of the file system, and the old
// one is kept aside until the new one has stored weights. So there is no moment without a complete state, and a run that fails
// early costs nothing.

using FlowBP.Formats;

namespace FlowBP.Training.Runs;

/// <summary>Finds or makes the folder that a run may write to.</summary>
internal sealed class OutputPlace : IDisposable
{
    private readonly string wanted;
    private readonly FoldersBeside beside;
    private readonly bool wasEmpty;

    // The earlier run that is to be replaced; held so that nobody else does.
    private RunManifest? previous;

    // Where it is once the new run has its place.
    private string? aside;

    /// <summary>Finds the place.</summary>
    /// <param name="root">The folder that the user asked for.</param>
    /// <param name="overwrite">Whether a folder of an earlier run may be replaced.</param>
    /// <param name="notice">Hears of what a killed run left, and where it is now; null: nobody.</param>
    /// <param name="goesOn">Whether the run that wrote the folder goes on in it.</param>
    /// <exception cref="IOException">
    /// It exists and may not be replaced, or cannot be created; or a run is to go on in it, and another is still writing.
    /// </exception>
    public OutputPlace(string root, bool overwrite, Action<string>? notice = null, bool goesOn = false)
    {
        wanted = Resolved(root);
        if (File.Exists(wanted))
        {
            throw new IOException($"{root} is a file; name a folder with --output_dir");
        }
        beside = new(wanted);
        new KilledRun(wanted, beside, notice).Restore();
        Current = wanted;
        if (goesOn)
        {
            Manifest = RunManifest.IsIn(wanted)
                ? RunManifest.Take(wanted)
                : throw new IOException(
                    $"{root} was not written by a run (it has no .flowbp-run), so none goes on in it"
                );
            return;
        }
        if (Holds(wanted) && !EarlierRun.ClearIfNeverBegun(wanted))
        {
            previous = Replaceable(root, overwrite);
            Current = beside.Unfinished;
            if (Holds(Current) && !EarlierRun.Clear(Current))
            {
                previous.Dispose();
                throw new IOException($"{Current} is in the way of a new run; move it away or delete it");
            }
        }
        try
        {
            wasEmpty = Directory.Exists(Current);
            FolderEntries.Create(Current);
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
        var free = beside.FreeForReplaced();
        if (FolderEntries.TryExchange(Current, wanted))
        {
            (Current, aside) = (wanted, Current);
            Directory.Move(aside, free);
        }
        else
        {
            Directory.Move(wanted, free);
            Directory.Move(Current, wanted);
            Current = wanted;
        }
        aside = free;
        FolderEntries.Flush(Path.GetDirectoryName(Path.GetFullPath(wanted))!);
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
            EarlierRun.Delete(old!, folder, notice);
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

    private static bool Holds(string folder) =>
        Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any();

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
