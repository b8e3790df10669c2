// What a person wants to know while a model is being aligned: how far, how long, is the reward rising, is the gradient sane,
// how fast, how much memory.

using FlowBP.Cli.Plotting;
using FlowBP.Training.Alignment;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Output;

/// <summary>Shows an alignment run on a progress line.</summary>
/// <param name="line">The line.</param>
/// <param name="time">The clock.</param>
/// <param name="stop">The wish to stop; heeded wherever the run reports.</param>
internal sealed class AlignmentProgress(ProgressLine line, TimeProvider time, CancellationToken stop)
    : IAlignmentObserver
{
    private long stageBegan;

    /// <inheritdoc/>
    public void Stage(string name)
    {
        stop.ThrowIfCancellationRequested();
        stageBegan = time.GetTimestamp();
        line.Begin(name);
    }

    /// <inheritdoc/>
    public void Step(StepReport report, int steps)
    {
        stop.ThrowIfCancellationRequested();
        line.Show(Text(report, steps, time.GetElapsedTime(stageBegan)));
    }

    /// <inheritdoc/>
    public void Evaluated(string label, EvaluationResult result)
    {
        stop.ThrowIfCancellationRequested();
        var means = result.Judgements.Select(judgement =>
        {
            var name = judgement.Metric == RewardJudge.Training ? "reward" : MetricNames.InWords(judgement.Metric);
            return $"{name} {GainTable.Value(judgement.Scores.Average(), judgement.IsShare)}";
        });
        line.Say($"{label}: {string.Join(", ", means)}");
    }

    /// <inheritdoc/>
    public void Notice(string text) => line.Say($"note: {text}");

    /// <inheritdoc/>
    public void Draw(string path, TrainingCurve curve) => RunPlot.Write(path, curve, Notice);

    /// <summary>The line of a step, within 80 columns.</summary>
    public static string Text(StepReport report, int steps, TimeSpan elapsed) =>
        string.Join(
            "  ",
            $"{report.Step}/{steps}",
            $"ETA {Remaining.Text(report.Step, steps, elapsed)}",
            $"reward {Figures.Number(report.Surrogate.Reward, 4)}",
            $"grad {Figures.Short(report.GradNorm)}",
            $"{Figures.Number(report.ImagesPerSecond, 1)} img/s" + Peak(report)
        );

    private static string Peak(StepReport report) =>
        report.PeakMemoryBytes is { } bytes ? $"  peak {Figures.Bytes(bytes)}" : "";
}
