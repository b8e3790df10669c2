// The checkpoints of a run's folder: which there are, which one a run goes on from, and which of them go when there are too many.

using System.Globalization;
using FlowBP.Formats;

namespace FlowBP.Training.Checkpoints;

/// <summary>The checkpoints in a folder.</summary>
/// <param name="root">The folder; it need not be there.</param>
public sealed class CheckpointFolders(string root)
{
    private const string Prefix = "checkpoint-";

    /// <summary>The word for the newest complete checkpoint.</summary>
    public const string Latest = "latest";

    /// <summary>The folder of a step's checkpoint.</summary>
    /// <param name="step">Training steps made.</param>
    public string Of(int step) => Path.Combine(root, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step}"));

    /// <summary>The step that a checkpoint's folder is named after; null: its name is another.</summary>
    /// <param name="folder">The folder.</param>
    public static int? StepOf(string folder)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        return
            name.StartsWith(Prefix, StringComparison.Ordinal)
            && int.TryParse(name[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            && name == string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step}")
            ? step
            : null;
    }

    /// <summary>Steps of all checkpoints, ascending, complete or not.</summary>
    public IReadOnlyList<int> Steps() =>
        Directory.Exists(root) ? [.. Directory.EnumerateDirectories(root).Select(StepOf).OfType<int>().Order()] : [];

    /// <summary>The manifest of a step's checkpoint; null: there is none that can be read.</summary>
    /// <param name="step">Training steps made.</param>
    public CheckpointManifest? ManifestOf(int step)
    {
        try
        {
            return CheckpointManifest.Read(Of(step));
        }
        catch (CheckpointException)
        {
            return null;
        }
    }

    /// <summary>Opens the newest complete checkpoint.</summary>
    /// <param name="notice">Hears of each damaged one that is passed over.</param>
    /// <param name="isWanted">Which are looked at; null: all.</param>
    /// <returns>Null: there is no checkpoint at all.</returns>
    /// <exception cref="CheckpointException">There are checkpoints, and none is complete; says what is wrong with the newest.</exception>
    public StoredCheckpoint? OpenNewest(Action<string>? notice, Func<int, bool>? isWanted = null)
    {
        CheckpointException? first = null;
        foreach (var step in Steps().Where(step => isWanted?.Invoke(step) ?? true).Reverse())
        {
            try
            {
                return StoredCheckpoint.Open(Of(step));
            }
            catch (CheckpointException e)
            {
                notice?.Invoke($"{Prefix}{step} is passed over: {e.Message}");
                first ??= e;
            }
        }
        return first is null ? null : throw first;
    }

    /// <summary>Deletes what a killed process had begun to write or to delete. Nobody else may be writing.</summary>
    public void DeleteLeftovers()
    {
        if (Directory.Exists(root))
        {
            foreach (var folder in Directory.EnumerateDirectories(root).Where(CheckpointStaging.IsLeftover))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    /// <summary>
    /// Deletes the oldest complete checkpoints beyond a number, and those of signals that are older than a complete one. Others' files
    /// in them stay.
    /// </summary>
    /// <param name="limit">How many may stay; null: all.</param>
    /// <param name="written">The step that has just been written; it stays.</param>
    /// <param name="best">Another one that stays; null: none.</param>
    /// <exception cref="IOException">One can't be deleted.</exception>
    public void Prune(int? limit, int written, int? best)
    {
        List<int> due = [];
        foreach (var step in Steps())
        {
            if (ManifestOf(step) is not { } manifest)
            {
                continue;
            }
            if (manifest.Reason == CheckpointReason.Interval)
            {
                due.Add(step);
            }
            else if (step < written)
            {
                Delete(step, manifest);
            }
        }
        var most = limit ?? int.MaxValue;
        foreach (var step in due.Where(step => step != written && step != best).Take(Math.Max(0, due.Count - most)))
        {
            if (ManifestOf(step) is { } manifest)
            {
                Delete(step, manifest);
            }
        }
    }

    // It is no checkpoint any more before the first of its files goes.
    private void Delete(int step, CheckpointManifest manifest)
    {
        var folder = Of(step);
        string[] own = [CheckpointManifest.FileName, .. manifest.Files.Select(file => file.Name)];
        if (OwnFiles.HasOthers(folder, own))
        {
            OwnFiles.Delete(folder, own);
        }
        else
        {
            var going = CheckpointStaging.Beside(folder);
            Directory.Move(folder, going);
            Directory.Delete(going, recursive: true);
        }
        FolderEntries.Flush(root);
    }
}
