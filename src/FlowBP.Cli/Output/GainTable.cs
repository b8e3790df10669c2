// Before and after, with the interval that says whether the difference is more than luck.

using FlowBP.Training.Evaluation;
using Spectre.Console;

namespace FlowBP.Cli.Output;

/// <summary>Prints the metrics of a run.</summary>
internal static class GainTable
{
    private const string Accuracy = "rule_accuracy";
    private const string TaskPrefix = Accuracy + "/";

    /// <summary>Prints a table of metrics.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="metrics">Gains by the metric's name in summary.json.</param>
    public static void Write(Terminal terminal, IReadOnlyDictionary<string, PairedGain> metrics)
    {
        var table = new Table().NoBorder();
        table.AddColumn(new TableColumn("metric") { NoWrap = true });
        foreach (var header in new[] { "base", "aligned", "gain", "95 % interval" })
        {
            table.AddColumn(new TableColumn(header) { NoWrap = true, Padding = new Padding(2, 0, 0, 0) }.RightAligned());
        }
        foreach (var (name, gain) in metrics)
        {
            var isShare = name.StartsWith(Accuracy, StringComparison.Ordinal);
            string Value(double value) => isShare ? Figures.Percent(value) : Figures.Number(value, 4);
            string Change(double value) => isShare ? Figures.Signed(100 * value, 1) : Figures.Signed(value, 4);
            table.AddRow(
                new Text(Label(name)),
                new Text(Value(gain.Base)),
                new Text(Value(gain.Aligned)),
                new Text(Change(gain.Gain), StyleOf(gain)),
                new Text($"{Change(gain.GainCi95[0])} … {Change(gain.GainCi95[1])}")
            );
        }
        terminal.Results.Write(table);
    }

    /// <summary>A gain in a word: up, down, or not significantly changed.</summary>
    public static string Word(PairedGain gain) =>
        gain.GainCi95[0] > 0 ? "up"
        : gain.GainCi95[1] < 0 ? "down"
        : "not significantly changed";

    private static string Label(string metric) =>
        metric.StartsWith(TaskPrefix, StringComparison.Ordinal)
            ? $"  {metric[TaskPrefix.Length..].Replace('_', ' ')}"
            : Name(metric);

    /// <summary>A metric's name in words.</summary>
    public static string Name(string metric) =>
        metric switch
        {
            "reward" => "training reward",
            "heldout_reward" => "held-out reward",
            _ => metric.Replace('_', ' '),
        };

    private static Style StyleOf(PairedGain gain) =>
        gain.GainCi95[0] > 0 ? new Style(Color.Green)
        : gain.GainCi95[1] < 0 ? new Style(Color.Red)
        : Style.Plain;
}
