// What `align` and `demo` share: resolve everything, run with a progress line, show what it came to.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Training.Configuration;
using FlowBP.Training.Devices;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Commands;

/// <summary>Runs an alignment for a person.</summary>
internal static class Alignment
{
    /// <summary>Resolves the settings, aligns, prints the summary.</summary>
    /// <param name="sources">Where the settings come from.</param>
    /// <param name="terminal">Receives progress and summary.</param>
    /// <exception cref="UsageException">A setting is not accepted.</exception>
    public static void Run(SettingSources sources, Terminal terminal)
    {
        var config = UsageException.Guard(() => AlignmentConfig.Resolve(sources));
        Threads.UseAll();
        var summary = ProgressLine.During(
            terminal,
            line =>
            {
                var progress = new AlignmentProgress(line, TimeProvider.System, terminal.Stop);
                return new AlignmentRun(config, progress).Execute(terminal.Stop);
            }
        );
        Show(summary, config.OutputDir, terminal);
    }

    private static void Show(AlignmentSummary summary, string folder, Terminal terminal)
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
            ("samples", samples),
            ("kept", Path.Combine(folder, "selected")),
            ("model", Path.Combine(folder, "model")),
            ("metrics", Path.Combine(folder, "metrics.jsonl")),
            ("summary", Path.Combine(folder, "summary.json")),
        ];
        return outputs.Where(output => Path.Exists(output.Path));
    }
}
