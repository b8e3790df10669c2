// A run as a page: gains, what was kept, time and memory, verdicts, files.

using FlowBP.Training.Devices;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Output;

/// <summary>Prints what an alignment came to.</summary>
internal static class AlignmentReport
{
    /// <summary>Prints a summary, and where everything is.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="summary">The summary.</param>
    /// <param name="folder">The run's folder.</param>
    public static void Write(Terminal terminal, AlignmentSummary summary, string folder)
    {
        var to = terminal.Output;
        to.WriteLine($"{summary.Method}, {summary.Steps} steps, {summary.EvaluationPrompts} evaluation prompts");
        to.WriteLine();
        GainTable.Write(terminal, summary.Metrics);
        to.WriteLine();
        if (summary.Selection is { } selection)
        {
            to.WriteLine(Kept(selection, summary.Steps));
        }
        to.WriteLine(
            $"{Figures.Duration(TimeSpan.FromSeconds(summary.Seconds))} of training,"
                + $" {Figures.Number(summary.SecondsPerStep, 3)} s per step, peak memory of a step {PeakMemory(summary)}"
        );
        foreach (var verdict in GainTable.Verdicts(summary.Metrics))
        {
            to.WriteLine(verdict);
        }
        to.WriteLine();
        foreach (var (what, path) in Outputs(folder))
        {
            to.WriteLine($"{what.PadRight(10)} {path}");
        }
    }

    private static string Kept(Selection selection, int steps) =>
        $"kept: step {selection.Kept.Step} of {steps} at strength {Figures.Number(selection.Kept.Strength, 2)}, chosen by"
        + $" {selection.Metric} on {selection.Prompts} other prompts (base {Figures.Number(selection.Base, 3)}, kept"
        + $" {Figures.Number(selection.Kept.Score, 3)})";

    private static string PeakMemory(AlignmentSummary summary) =>
        (summary.PeakMemoryBytes, summary.PeakMemoryOf) switch
        {
            ({ } bytes, PeakMemoryKind.Tensors) => $"{Figures.Bytes(bytes)} of tensors",
            ({ } bytes, _) => $"{Figures.Bytes(bytes)} of the whole process (this libtorch does not count tensors)",
            _ => "unknown (neither this libtorch nor the system tells)",
        };

    private static IEnumerable<(string What, string Path)> Outputs(string folder)
    {
        var samples = Path.Combine(folder, "samples");
        (string What, string Path)[] outputs =
        [
            ("pictures", Path.Combine(samples, "before-after.png")),
            ("plot", Path.Combine(samples, "training.png")),
            ("samples", samples),
            ("kept", Path.Combine(folder, "selected")),
            ("model", Path.Combine(folder, "model")),
            ("metrics", Path.Combine(folder, "metrics.jsonl")),
            ("summary", Path.Combine(folder, "summary.json")),
        ];
        return outputs.Where(output => Path.Exists(output.Path));
    }
}
