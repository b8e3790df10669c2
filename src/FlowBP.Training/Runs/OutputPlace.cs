// Where a run writes. A new folder is written in place. A folder of an earlier run stays as it is, under its name, while the new
// run writes beside it; once the new run has recorded a step, the two change places in one step of the file system, and the old
// one is kept aside until the new one has stored weights. So there is no moment without a complete state, and a run that fails
// early costs nothing.

using System.Globalization;
using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Training.Runs;

/// <summary>Finds or makes the folder that a run may write to.</summary>
internal sealed partial class OutputPlace : IDisposable
{
    private const string UnfinishedSuffix = ".unfinished";
    private const string ReplacedSuffix = ".replaced";
    private const string KeptSuffix = ".kept";

    private static readonly EnumerationOptions s_allReadable = new()
    {
        IgnoreInaccessible = true,
        AttributesToSkip = FileAttributes.None,
    };

    private readonly string wanted;
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
        Restore(notice);
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
        var free = Unused(wanted + ReplacedSuffix);
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
            Delete(old!, folder, notice);
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

    // A run that was killed left the one that it was to replace under another name: aside, or, between the two names, in its own
    // former place. That one comes back where the killed run has stored no weights. Where it has, the one aside goes; what lies in
    // the former place may be either of the two, so it is kept.
    private void Restore(Action<string>? notice)
    {
        var unfinished = wanted + UnfinishedSuffix;
        var isBack = false;
        if (RunManifest.IsIn(unfinished) && HasWeights(unfinished))
        {
            isBack = HasBegun(unfinished) && IsTakenBack(unfinished, notice);
            if (!isBack)
            {
                var kept = Unused(wanted + KeptSuffix);
                Move(unfinished, kept);
                notice?.Invoke($"a run that was killed left weights outside of {wanted}; they are in {kept}");
            }
        }
        foreach (var folder in Aside())
        {
            if (RunManifest.IsIn(wanted) && HasWeights(wanted))
            {
                using var manifest = RunManifest.Take(folder);
                Delete(manifest, folder, notice);
            }
            else if (isBack || !IsTakenBack(folder, notice))
            {
                notice?.Invoke($"an earlier run is in {folder}");
            }
            else
            {
                isBack = true;
            }
        }
    }

    // Into the place of a run that has stored nothing, or of none.
    private bool IsTakenBack(string folder, Action<string>? notice)
    {
        if (Directory.Exists(wanted) && (HasWeights(wanted) || !Clear(wanted)))
        {
            return false;
        }
        Move(folder, wanted);
        notice?.Invoke($"the run that was to be replaced when another one was killed is in {wanted} again");
        return true;
    }

    // The folders of earlier runs that were put aside: those with weights first, of these the last one first.
    private List<string> Aside()
    {
        var name = Path.GetFileName(wanted) + ReplacedSuffix;
        var parent = Path.GetDirectoryName(Path.GetFullPath(wanted))!;
        return !Directory.Exists(parent)
            ? []
            :
            [
                .. Directory
                    .EnumerateDirectories(parent, "*", s_allReadable)
                    .Select(path => Path.GetFileName(path))
                    .Where(found => found.StartsWith(name, StringComparison.Ordinal))
                    .Select(found =>
                        (
                            Path: wanted + found[(name.Length - ReplacedSuffix.Length)..],
                            Number: NumberOf(found[name.Length..])
                        )
                    )
                    .Where(found => found.Number is not null && RunManifest.IsIn(found.Path))
                    .OrderByDescending(found => HasWeights(found.Path))
                    .ThenByDescending(found => found.Number)
                    .Select(found => found.Path),
            ];
    }

    // What Unused has added.
    private static int? NumberOf(string suffix) =>
        suffix.Length == 0 ? 1
        : suffix[0] == '-' && int.TryParse(suffix[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
        : null;

    private static void Delete(RunManifest manifest, string folder, Action<string>? notice)
    {
        if (manifest.DeleteFrom(folder) is [var first, ..] left)
        {
            notice?.Invoke(
                $"{left.Count} files or folders that no run wrote ({first}, …) were in the replaced folder and are now in {folder}"
            );
        }
    }

    // Nobody writes to it, or there is an exception.
    private static void Move(string folder, string to)
    {
        using (RunManifest.Take(folder))
        {
            Directory.Move(folder, to);
        }
        FolderEntries.Flush(Path.GetDirectoryName(Path.GetFullPath(to))!);
    }

    // Weights in several files count with the table that names them all, which is written last.
    private static bool HasWeights(string folder) =>
        Directory
            .EnumerateFiles(folder, "*.safetensors", SearchOption.AllDirectories)
            .Where(file => !RunManifest.IsTemporary(Path.GetRelativePath(folder, file)))
            .Any(file =>
                !Shard().IsMatch(file)
                || Directory.EnumerateFiles(Path.GetDirectoryName(file)!, "*.safetensors.index.json").Any()
            );

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

    // What a run left that was killed before its first step is nobody's work. The weights of a last step are stored before it is
    // recorded.
    private static bool ClearIfNeverBegun(string folder) =>
        RunManifest.IsIn(folder) && !HasBegun(folder) && !HasWeights(folder) && Clear(folder);

    private static bool HasBegun(string folder) =>
        RunManifest.IsIn(folder)
        && new FileInfo(Path.Combine(folder, RunRecords.MetricsName)) is { Exists: true, Length: > 0 };

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

    [GeneratedRegex(@"-\d{5}-of-\d{5}\.safetensors$")]
    private static partial Regex Shard();
}
