// Before and after, with the interval that says whether the difference is more than luck.

using FlowBP.Training.Evaluation;
using Spectre.Console;

namespace FlowBP.Cli.Output;

/// <summary>Prints the metrics of a run.</summary>
internal static class GainTable
{
    private const string Up = "up";
    private const string Down = "down";

    private static readonly Padding s_padding = new(0, 0, 2, 0);

    /// <summary>Prints metrics before and after.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="metrics">Gains by the metric's name in summary.json.</param>
    public static void Write(Terminal terminal, IReadOnlyDictionary<string, PairedGain> metrics)
    {
        var table = Table("base", "aligned", "gain", "95 % interval");
        foreach (var (name, gain) in metrics)
        {
            string Change(double value) => gain.IsShare ? Figures.Signed(100 * value, 1) : Figures.Signed(value, 4);
            table.AddRow(
                new Text(Label(name)),
                new Text(Value(gain.Base, gain.IsShare)),
                new Text(Value(gain.Aligned, gain.IsShare)),
                new Text(Change(gain.Gain), StyleOf(gain)),
                new Text($"{Change(gain.GainCi95[0])} … {Change(gain.GainCi95[1])}")
            );
        }
        terminal.Results.Write(table);
    }

    /// <summary>Prints the metrics of one model.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="metrics">Of which the aligned model's values are shown.</param>
    public static void WriteValues(Terminal terminal, IReadOnlyDictionary<string, PairedGain> metrics)
    {
        var table = Table("value");
        foreach (var (name, gain) in metrics)
        {
            table.AddRow(new Text(Label(name)), new Text(Value(gain.Aligned, gain.IsShare)));
        }
        terminal.Results.Write(table);
    }

    /// <summary>A gain in a word: up, down, not significantly changed, or too few prompts to tell.</summary>
    public static string Word(PairedGain gain) =>
        gain.Direction switch
        {
            null => "too few prompts to tell",
            > 0 => Up,
            < 0 => Down,
            _ => "not significantly changed",
        };

    /// <summary>
    /// One line per metric: its gain in a word, and the tasks that changed significantly. A mean may stand still while a task
    /// falls, and that is not "not significantly changed".
    /// </summary>
    /// <param name="metrics">Gains by the metric's name in summary.json.</param>
    public static IEnumerable<string> Verdicts(IReadOnlyDictionary<string, PairedGain> metrics)
    {
        foreach (var (name, gain) in metrics.Where(metric => !metric.Key.Contains('/')))
        {
            var tasks = metrics
                .Where(metric => metric.Key.StartsWith($"{name}/", StringComparison.Ordinal))
                .Select(metric => (Task: Label(metric.Key).Trim(), Change: Word(metric.Value)))
                .Where(task => task.Change is Up or Down)
                .OrderBy(task => task.Change == Down ? 0 : 1)
                .GroupBy(task => task.Change, task => task.Task)
                .Select(group => $"significantly {group.Key} in {string.Join(", ", group)}");
            yield return string.Join("; ", tasks.Prepend($"{MetricNames.InWords(name)}: {Word(gain)}"));
        }
    }

    private static Table Table(params string[] numbers)
    {
        var table = new Table().NoBorder();
        table.AddColumn(new TableColumn("metric") { NoWrap = true, Padding = s_padding });
        foreach (var header in numbers)
        {
            table.AddColumn(new TableColumn(header) { NoWrap = true, Padding = s_padding }.RightAligned());
        }
        return table;
    }

    /// <summary>A metric's value: a share in percent, a number with four decimals.</summary>
    public static string Value(double value, bool isShare) =>
        isShare ? Figures.Percent(value) : Figures.Number(value, 4);

    // A group of prompts is named below its metric.
    private static string Label(string metric) =>
        metric.Contains('/') ? $"  {MetricNames.GroupInWords(metric)}" : MetricNames.InWords(metric);

    private static Style StyleOf(PairedGain gain) =>
        gain.Direction switch
        {
            > 0 => new Style(Color.Green),
            < 0 => new Style(Color.Red),
            _ => Style.Plain,
        };
}
