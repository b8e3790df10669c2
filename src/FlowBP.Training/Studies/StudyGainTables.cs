// What the arms came to: gains over the base model, of each task, against each other, and on the way.

using FlowBP.Training.EmbeddedWorld;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Tables;

namespace FlowBP.Training.Studies;

/// <summary>Tables of gains.</summary>
internal static class StudyGainTables
{
    /// <summary>A metric of all arms, beside the base model.</summary>
    public static TextTable Gains(StudyReport report, string metric)
    {
        var isShare = IsShare(report, metric);
        return new(
            $"{MetricNames.InWords(metric)}: gain over the base model ({GainText.Value(report.Base[metric], isShare)})",
            ["arm", "value", "gain", "over seeds", "over prompts", "seeds"],
            [
                .. report.Arms.Select(arm =>
                    (IReadOnlyList<string>)(
                        arm.Gains.GetValueOrDefault(metric) is { } gain
                            ?
                            [
                                arm.Arm.Name,
                                GainText.Value(gain.After, isShare),
                                GainText.Star(gain),
                                GainText.Interval(gain.SeedCi95, isShare),
                                GainText.Interval(gain.PromptCi95, isShare),
                                $"{gain.BySeed.Length}",
                            ]
                            : [arm.Arm.Name, .. Enumerable.Repeat(FigureText.Undefined, 4), "0"]
                    )
                ),
            ]
        );
    }

    /// <summary>Rule accuracy, task by task; null: the rules judge no picture.</summary>
    public static TextTable? Tasks(StudyReport report)
    {
        var tasks = report
            .Arms.SelectMany(arm => arm.Gains.Keys)
            .Where(name => name.Contains('/'))
            .Distinct()
            .ToArray();
        return tasks.Length == 0
            ? null
            : new(
                $"{MetricNames.InWords(ShapesJudge.MetricName)}: gain of each task, in points",
                ["arm", .. tasks.Select(task => MetricNames.GroupInWords(task))],
                [
                    .. report.Arms.Select(arm =>
                        (IReadOnlyList<string>)
                            [
                                arm.Arm.Name,
                                .. tasks.Select(task =>
                                    arm.Gains.GetValueOrDefault(task) is { } gain
                                        ? GainText.Star(gain)
                                        : FigureText.Undefined
                                ),
                            ]
                    ),
                ]
            );
    }

    /// <summary>A metric of arms that the study sets against each other; null: it does not.</summary>
    public static TextTable? Comparisons(StudyReport report, string metric) =>
        report.Comparisons.Count == 0
            ? null
            : new(
                $"{MetricNames.InWords(metric)}: arms against each other",
                ["arm", "against", "difference", "over seeds", "over prompts"],
                [
                    .. from comparison in report.Comparisons
                    let gain = comparison.Gains[metric]
                    select (IReadOnlyList<string>)
                        [
                            comparison.Arm,
                            comparison.Against,
                            GainText.Star(gain),
                            GainText.Interval(gain.SeedCi95, gain.IsShare),
                            GainText.Interval(gain.PromptCi95, gain.IsShare),
                        ],
                ]
            );

    /// <summary>A metric on the way; null: fewer than three steps were evaluated, or it was not.</summary>
    public static TextTable? Curve(StudyReport report, string metric)
    {
        int[] steps = [.. report.Arms.SelectMany(arm => arm.Curve).Select(point => point.Step).Distinct().Order()];
        return steps.Length < 3 || report.Arms.All(arm => !arm.Curve[0].Means.ContainsKey(metric))
            ? null
            : new(
                $"{MetricNames.InWords(metric)} after so many steps (first draw of noise)",
                ["arm", .. steps.Select(step => $"{step}")],
                [
                    .. report.Arms.Select(arm =>
                        (IReadOnlyList<string>)
                            [
                                arm.Arm.Name,
                                .. steps.Select(step =>
                                    arm.Curve.FirstOrDefault(point => point.Step == step) is { } point
                                        ? GainText.Value(point.Means[metric], IsShare(report, metric))
                                        : FigureText.Undefined
                                ),
                            ]
                    ),
                ]
            );
    }

    private static bool IsShare(StudyReport report, string metric) =>
        report.Arms.Any(arm => arm.Gains.GetValueOrDefault(metric) is { IsShare: true });
}
