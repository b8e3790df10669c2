using FlowBP.Training.Evaluation;
using FlowBP.Training.Studies;

namespace FlowBP.Cli.Output;

/// <summary>Shows a study on a progress line.</summary>
/// <param name="line">The line.</param>
/// <param name="time">The clock.</param>
internal sealed class StudyProgress(ProgressLine line, TimeProvider time) : IStudyObserver
{
    private const int Thousandths = 1000;

    private long began;
    private int done;
    private int cells;

    /// <inheritdoc/>
    public void Begin(int cells, int kept)
    {
        began = time.GetTimestamp();
        (done, this.cells) = (kept, cells);
        line.Begin(kept == 0 ? $"{cells} cells" : $"{cells} cells, of which {kept} are there already");
    }

    /// <inheritdoc/>
    public void Step(StudyCell cell, int step, int steps, double share) =>
        line.Show(Text(cell, step, steps, share, time.GetElapsedTime(began)));

    /// <inheritdoc/>
    public void Done(StudyCell cell, CellRecord record, int done, int cells)
    {
        (this.done, this.cells) = (done, cells);
        var took = Figures.Duration(TimeSpan.FromSeconds(record.Seconds));
        line.Say($"{done}/{cells} {cell.Name}: {record.Failure ?? Means(record)}, {took}");
    }

    /// <inheritdoc/>
    public void Notice(string text) => line.Say($"note: {text}");

    private string Text(StudyCell cell, int step, int steps, double share, TimeSpan elapsed)
    {
        var left = Remaining.Text((int)(Thousandths * share), Thousandths, elapsed);
        return $"cell {done + 1}/{cells}  ETA {left}  {cell.Name} {step}/{steps}";
    }

    private static string Means(CellRecord record) =>
        string.Join(
            ", ",
            record.Metrics.Select(metric =>
                $"{MetricNames.InWords(metric.Metric)} {GainTable.Value(metric.Scores.Average(), metric.IsShare)}"
            )
        );
}
