// What an earlier run left in its folder: whether it is worth keeping is read from its records and weights, and only what its manifest
// names is ever deleted.

using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Training.Runs;

/// <summary>Asks what an earlier run left in a folder; clears, deletes and moves that.</summary>
internal static partial class EarlierRun
{
    /// <summary>Whether a step was recorded.</summary>
    public static bool HasBegun(string folder) =>
        RunManifest.IsIn(folder)
        && new FileInfo(Path.Combine(folder, RunRecords.MetricsName)) is { Exists: true, Length: > 0 };

    /// <summary>
    /// Whether weights were stored. Those in several files count with the table that names them all, which is written last.
    /// </summary>
    public static bool HasWeights(string folder) =>
        FolderEntries
            .FilesBelow(folder)
            .Where(file => file.EndsWith(".safetensors", StringComparison.Ordinal))
            .Where(file => !RunManifest.IsTemporary(Path.GetRelativePath(folder, file)))
            .Any(file =>
                !Shard().IsMatch(file)
                || Directory.EnumerateFiles(Path.GetDirectoryName(file)!, "*.safetensors.index.json").Any()
            );

    /// <summary>
    /// Clears the folder of a run that was killed before its first step: that is nobody's work. The weights of a last step are stored
    /// before it is recorded.
    /// </summary>
    /// <returns>Whether that was so, and nothing is left.</returns>
    public static bool ClearIfNeverBegun(string folder) =>
        RunManifest.IsIn(folder) && !HasBegun(folder) && !HasWeights(folder) && Clear(folder);

    /// <summary>Deletes what a run wrote.</summary>
    /// <returns>False: the folder was not made by a run, or there is something else in it.</returns>
    public static bool Clear(string folder)
    {
        if (!RunManifest.IsIn(folder))
        {
            return false;
        }
        using var manifest = RunManifest.Take(folder);
        return manifest.DeleteFrom(folder).Count == 0;
    }

    /// <summary>Deletes the files of a run, and says what else is in its folder.</summary>
    /// <param name="manifest">Its list of files.</param>
    /// <param name="folder">Where they are.</param>
    /// <param name="notice">Hears of files that no run wrote; null: nobody.</param>
    public static void Delete(RunManifest manifest, string folder, Action<string>? notice)
    {
        if (manifest.DeleteFrom(folder) is [var first, ..] left)
        {
            notice?.Invoke(
                $"{left.Count} files or folders that no run wrote ({first}, …) were in the replaced folder and are now in {folder}"
            );
        }
    }

    /// <summary>Moves a run's folder, and puts that on the disk.</summary>
    /// <exception cref="IOException">Its run is still writing, or it can't be moved.</exception>
    public static void Move(string folder, string to)
    {
        using (RunManifest.Take(folder))
        {
            Directory.Move(folder, to);
        }
        FolderEntries.Flush(Path.GetDirectoryName(Path.GetFullPath(to))!);
    }

    [GeneratedRegex(@"-\d{5}-of-\d{5}\.safetensors$")]
    private static partial Regex Shard();
}
