// Under which names runs lie beside the folder that was asked for: one that is not yet to replace it, those that were replaced, and
// what a killed run left.

using System.Globalization;

namespace FlowBP.Training.Runs;

/// <summary>The folders of runs beside the one that was asked for.</summary>
/// <param name="wanted">The folder that was asked for.</param>
internal sealed class FoldersBeside(string wanted)
{
    private const string UnfinishedSuffix = ".unfinished";
    private const string ReplacedSuffix = ".replaced";
    private const string KeptSuffix = ".kept";

    private static readonly EnumerationOptions s_allReadable = new()
    {
        IgnoreInaccessible = true,
        AttributesToSkip = FileAttributes.None,
    };

    /// <summary>Where a run writes until it replaces an earlier one.</summary>
    public string Unfinished => wanted + UnfinishedSuffix;

    /// <summary>A free name for a run that is replaced.</summary>
    public string FreeForReplaced() => FirstFree(wanted + ReplacedSuffix);

    /// <summary>A free name for weights that a killed run left.</summary>
    public string FreeForKept() => FirstFree(wanted + KeptSuffix);

    /// <summary>The folders of earlier runs that were put aside: those with weights first, of these the last one first.</summary>
    public List<string> Replaced()
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
                    .OrderByDescending(found => EarlierRun.HasWeights(found.Path))
                    .ThenByDescending(found => found.Number)
                    .Select(found => found.Path),
            ];
    }

    // What FirstFree has added.
    private static int? NumberOf(string suffix) =>
        suffix.Length == 0 ? 1
        : suffix[0] == '-' && int.TryParse(suffix[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
        : null;

    private static string FirstFree(string path) =>
        Enumerable
            .Range(1, int.MaxValue)
            .Select(i => i == 1 ? path : $"{path}-{i}")
            .First(candidate => !Path.Exists(candidate));
}
