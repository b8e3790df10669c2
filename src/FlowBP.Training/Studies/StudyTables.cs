// The report as tables of texts, the same for a terminal and for a file.

using System.Globalization;
using FlowBP.Training.EmbeddedWorld;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Tables;

namespace FlowBP.Training.Studies;

/// <summary>Makes the tables of a report; each fits 80 columns.</summary>
public static class StudyTables
{
    private static readonly string[] s_order =
    [
        ShapesJudge.MetricName,
        RewardJudge.HeldOut,
        RewardJudge.Training,
        PictureSpread.MetricName,
    ];

    /// <summary>What was measured, in a few sentences.</summary>
    /// <param name="report">The report.</param>
    public static string Subject(StudyReport report)
    {
        var quick = report.IsQuick ? "A quick form of the study, with fewer seeds, steps and pictures. " : "";
        return quick
            + string.Create(
                CultureInfo.InvariantCulture,
                $"Model {report.Model}; {report.Steps} steps; training seeds {string.Join(", ", report.Seeds)};"
                    + $" {report.Prompts} prompts of the test split, {report.ImagesPerPrompt} pictures each from each of {report.NoiseSeeds.Count}"
                    + $" draws of noise (seeds {string.Join(", ", report.NoiseSeeds)})."
            );
    }

    /// <summary>How the intervals are to be read.</summary>
    public const string Legend =
        "Intervals are of 95 %: over training seeds by Student's t, over prompts by the paired bootstrap. A star marks a difference whose"
        + " intervals both leave out zero. Shares are in percent, their gains in points.";

    /// <summary>The tables.</summary>
    /// <param name="report">The report.</param>
    public static IReadOnlyList<TextTable> Of(StudyReport report)
    {
        List<TextTable> tables = [];
        foreach (var metric in MetricsOf(report))
        {
            tables.Add(StudyGainTables.Gains(report, metric));
        }
        TextTable?[] others =
        [
            StudyGainTables.Tasks(report),
            .. MetricsOf(report).Select(metric => StudyGainTables.Comparisons(report, metric)),
            .. MetricsOf(report).Select(metric => StudyGainTables.Curve(report, metric)),
            StudyTrainingTables.Deviations(report),
            StudyTrainingTables.Endings(report),
            StudyTrainingTables.LeapErrors(report),
        ];
        return [.. tables, .. others.OfType<TextTable>()];
    }

    /// <summary>Metrics that are not of a group, the rules first.</summary>
    internal static IReadOnlyList<string> MetricsOf(StudyReport report) =>
        [.. report.Base.Keys.OrderBy(name => Array.IndexOf(s_order, name) is >= 0 and var at ? at : s_order.Length)];
}
