// The report as pictures, each as PNG and as SVG: gains with their intervals over seeds, gains over a setting, curves over steps,
// deviations of connectors, errors of leaps.

using FlowBP.Training.Evaluation;
using FlowBP.Training.Studies;
using ScottPlot;

namespace FlowBP.Cli.Plotting;

/// <summary>Plots a study.</summary>
internal static class StudyPlots
{
    /// <summary>Writes the plots into the folder plots.</summary>
    /// <param name="folder">Folder of the study.</param>
    /// <param name="report">What was found.</param>
    /// <param name="notice">Hears why there are none.</param>
    /// <exception cref="FlowBP.Formats.CheckpointException">A file can't be written.</exception>
    public static void Write(string folder, StudyReport report, Action<string> notice)
    {
        PlotFiles.Guard(
            () =>
            {
                foreach (var (name, plot) in Of(report))
                {
                    using (plot)
                    {
                        var path = Path.Combine(folder, "plots", name);
                        PlotFiles.WritePng($"{path}.png", plot);
                        PlotFiles.WriteSvg($"{path}.svg", plot);
                    }
                }
            },
            notice
        );
    }

    /// <summary>The plots by name; the caller's to dispose.</summary>
    /// <param name="report">What was found.</param>
    internal static IEnumerable<(string Name, Plot Plot)> Of(StudyReport report)
    {
        foreach (var metric in report.Base.Keys)
        {
            if (report.Arms.Any(arm => arm.Gains.ContainsKey(metric)))
            {
                yield return ($"gain-{metric}", Gains(report, metric));
            }
            if (report.Arms.Any(arm => arm.Arm.Line is not null && arm.Gains.ContainsKey(metric)))
            {
                yield return ($"setting-{metric}", OverSetting(report, metric));
            }
            if (report.Arms.Any(arm => arm.Curve.Count > 2 && arm.Curve[0].Means.ContainsKey(metric)))
            {
                yield return ($"curve-{metric}", Curve(report, metric));
            }
        }
        yield return (
            "training-reward",
            Training(
                report,
                "mean training reward of a batch",
                training => [.. training.Reward.Select(value => (double?)value)]
            )
        );
        if (report.Arms.Any(arm => arm.Training.EndDeviation is not null))
        {
            yield return (
                "training-end-deviation",
                Training(report, "deviation of the connector at the end", training => training.EndDeviation)
            );
        }
        if (report.Arms.Any(arm => arm.Training.VelocityNormRatio is not null))
        {
            yield return (
                "training-velocity-norm",
                Training(report, "norm of velocities over the base model's", training => training.VelocityNormRatio)
            );
        }
        if (report.LeapErrors is { Count: > 0 } errors)
        {
            yield return ("leap-errors", LeapErrors(report, errors));
        }
    }

    private static Plot Gains(StudyReport report, string metric)
    {
        var plot = Titled(
            report,
            $"{MetricNames.InWords(metric)}: gain over the base model",
            "",
            GainLabel(report, metric)
        );
        var arms = report.Arms.Where(arm => arm.Gains.ContainsKey(metric)).ToArray();
        double[] xs = [.. arms.Select((_, i) => (double)i)];
        Intervals(plot, xs, [.. arms.Select(arm => arm.Gains[metric])], line: false, legend: null);
        plot.Axes.Bottom.SetTicks(xs, [.. arms.Select(arm => arm.Arm.Name)]);
        plot.Axes.Bottom.TickLabelStyle.Rotation = arms.Length > 5 ? 25 : 0;
        plot.Axes.Bottom.TickLabelStyle.Alignment = arms.Length > 5 ? Alignment.UpperLeft : Alignment.UpperCenter;
        plot.Axes.SetLimitsX(-0.5, arms.Length - (arms.Length > 5 ? 0.1 : 0.5));
        return plot;
    }

    private static Plot OverSetting(StudyReport report, string metric)
    {
        var plot = Titled(report, MetricNames.InWords(metric), "setting", GainLabel(report, metric));
        foreach (
            var line in report
                .Arms.Where(arm => arm.Arm.Line is not null && arm.Gains.ContainsKey(metric))
                .GroupBy(arm => arm.Arm.Line)
        )
        {
            ArmReport[] arms = [.. line.OrderBy(arm => arm.Arm.At)];
            Intervals(
                plot,
                [.. arms.Select(arm => arm.Arm.At!.Value)],
                [.. arms.Select(arm => arm.Gains[metric])],
                line: true,
                line.Key
            );
        }
        plot.ShowLegend(Edge.Right);
        return plot;
    }

    private static Plot Curve(StudyReport report, string metric)
    {
        var plot = Titled(
            report,
            $"{MetricNames.InWords(metric)} over the training",
            "step",
            MetricNames.InWords(metric)
        );
        foreach (var arm in report.Arms)
        {
            var line = plot.Add.Scatter(
                arm.Curve.Select(point => (double)point.Step).ToArray(),
                arm.Curve.Select(point => Scale(report, metric) * point.Means[metric]).ToArray()
            );
            line.LegendText = arm.Arm.Name;
        }
        plot.ShowLegend(Edge.Right);
        return plot;
    }

    private static Plot Training(StudyReport report, string title, Func<TrainingSeries, IReadOnlyList<double?>?> of)
    {
        var plot = Titled(report, $"{title} (mean of {PlotFiles.Smoothing} steps)", "step", title);
        foreach (var arm in report.Arms)
        {
            double[] values = [.. (of(arm.Training) ?? []).OfType<double>()];
            if (values.Length == 0)
            {
                continue;
            }
            var line = plot.Add.ScatterLine(values.Select((_, i) => i + 1.0).ToArray(), PlotFiles.Smoothed(values));
            line.LegendText = arm.Arm.Name;
        }
        plot.ShowLegend(Edge.Right);
        return plot;
    }

    private static Plot LeapErrors(StudyReport report, IReadOnlyList<LeapError> errors)
    {
        var plot = Titled(report, "error of a leap to the end, base model", "steps of the leap", "mean absolute error");
        foreach (var arm in errors.GroupBy(error => error.Arm))
        {
            var line = plot.Add.Scatter(
                arm.Select(error => (double)error.Length).ToArray(),
                arm.Select(error => error.Error).ToArray()
            );
            line.LegendText = arm.Key;
        }
        plot.ShowLegend(Edge.Right);
        return plot;
    }

    private static void Intervals(Plot plot, double[] xs, SeededGain[] gains, bool line, string? legend)
    {
        double[] ys = [.. gains.Select(gain => Scale(gain) * gain.Gain)];
        var points = plot.Add.Scatter(xs, ys);
        points.LineWidth = line ? 1.5f : 0;
        points.MarkerSize = 9;
        points.LegendText = legend ?? "";
        double[] halves =
        [
            .. gains.Select(gain => gain.SeedCi95 is { } interval ? Scale(gain) * (interval[1] - interval[0]) / 2 : 0),
        ];
        var bars = plot.Add.ErrorBar(xs, ys, halves);
        bars.Color = points.Color;
        plot.Add.HorizontalLine(0, 1, Colors.Gray);
    }

    private static Plot Titled(StudyReport report, string title, string x, string y)
    {
        var plot = PlotFiles.New();
        plot.Title($"{report.Study}{(report.IsQuick ? " (quick)" : "")}: {title}");
        plot.XLabel(x);
        plot.YLabel(y);
        return plot;
    }

    private static string GainLabel(StudyReport report, string metric) =>
        $"gain{(Scale(report, metric) > 1 ? " in points" : "")}, 95 % over {report.Seeds.Count} seeds";

    private static double Scale(SeededGain gain) => gain.IsShare ? 100 : 1;

    private static double Scale(StudyReport report, string metric) =>
        report
            .Arms.Select(arm => arm.Gains.GetValueOrDefault(metric))
            .OfType<SeededGain>()
            .Select(Scale)
            .FirstOrDefault(1);
}
