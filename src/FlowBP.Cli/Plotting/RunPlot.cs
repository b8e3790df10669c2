// One run as a picture: what training saw of its reward, step by step, and what judges say of prompts that were not trained on.

using FlowBP.Training.Evaluation;
using FlowBP.Training.Runs;
using ScottPlot;

namespace FlowBP.Cli.Plotting;

/// <summary>Plots a run.</summary>
internal static class RunPlot
{
    /// <summary>Writes the plot.</summary>
    /// <param name="path">The PNG file.</param>
    /// <param name="curve">How the run went.</param>
    /// <param name="notice">Hears why there is none.</param>
    /// <exception cref="Formats.CheckpointException">It can't be written.</exception>
    public static void Write(string path, TrainingCurve curve, Action<string> notice) =>
        PlotFiles.Guard(
            () =>
            {
                using var plot = Of(curve);
                PlotFiles.WritePng(path, plot);
            },
            notice
        );

    /// <summary>The plot: rewards on the left axis, shares on the right one; the caller's to dispose.</summary>
    /// <param name="curve">How the run went.</param>
    internal static Plot Of(TrainingCurve curve)
    {
        var plot = PlotFiles.New();
        plot.Title($"{curve.Method}: {curve.Rewards.Count} steps");
        plot.XLabel("step");
        plot.YLabel("reward");
        double[] steps = [.. curve.Rewards.Select(point => (double)point.Step)];
        double[] rewards = [.. curve.Rewards.Select(point => point.Value)];
        var mean = plot.Add.ScatterLine(steps, PlotFiles.Smoothed(rewards));
        mean.LineWidth = 2;
        mean.LegendText = $"training reward of the batch, mean of {PlotFiles.Smoothing} steps";
        var batches = plot.Add.ScatterPoints(steps, rewards);
        batches.Color = mean.Color.WithAlpha(0.25);
        batches.MarkerSize = 4;
        if (rewards.Any(reward => reward > curve.HingeLambda))
        {
            // Above it a sample pulls no more.
            var hinge = plot.Add.HorizontalLine(curve.HingeLambda, 1, Colors.Gray, LinePattern.Dashed);
            hinge.LegendText = "hinge";
        }
        foreach (var judged in curve.Judged)
        {
            Add(plot, judged);
        }
        plot.ShowLegend(Edge.Bottom);
        return plot;
    }

    private static void Add(Plot plot, JudgedCurve judged)
    {
        var line = plot.Add.Scatter(
            judged.Points.Select(point => (double)point.Step).ToArray(),
            judged.Points.Select(point => (judged.IsShare ? 100 : 1) * point.Value).ToArray()
        );
        line.MarkerSize = 9;
        line.LinePattern = LinePattern.Dotted;
        line.LegendText =
            $"{MetricNames.InWords(judged.Metric)}, evaluation prompts{(judged.IsShare ? " (right axis)" : "")}";
        if (judged.IsShare)
        {
            line.Axes.YAxis = plot.Axes.Right;
            plot.Axes.Right.Label.Text = "percent";
        }
    }
}
