// The report as files: all figures in full for programs (JSON, and tables with a row per figure), the printed tables for readers. The same
// records give the same bytes.

using System.Globalization;
using System.Text;
using System.Text.Json;
using FlowBP.Formats;
using FlowBP.Training.Tables;

namespace FlowBP.Training.Studies;

/// <summary>Writes results.json, gains.csv, curve.csv, training.csv and results.md.</summary>
internal static class StudyFiles
{
    /// <summary>Writes the files.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="report">What was found.</param>
    /// <exception cref="CheckpointException">A file can't be written.</exception>
    public static void Write(string folder, StudyReport report)
    {
        var json = JsonSerializer.Serialize(
            new { Report = report, Verdicts = StudyVerdicts.Of(report) },
            StudyFolder.Json
        );
        AtomicFile.WriteText(Path.Combine(folder, "results.json"), json + "\n");
        AtomicFile.WriteText(Path.Combine(folder, "gains.csv"), CsvText.Of(Gains(report)));
        AtomicFile.WriteText(Path.Combine(folder, "curve.csv"), CsvText.Of(Curve(report)));
        AtomicFile.WriteText(Path.Combine(folder, "training.csv"), CsvText.Of(Training(report)));
        AtomicFile.WriteText(Path.Combine(folder, "results.md"), Markdown(report));
    }

    private static IEnumerable<object?[]> Gains(StudyReport report)
    {
        yield return
        [
            "arm",
            "against",
            "metric",
            "before",
            "after",
            "gain",
            "seed_low",
            "seed_high",
            "prompt_low",
            "prompt_high",
            "direction",
            "seeds",
            "prompts",
        ];
        foreach (var arm in report.Arms)
        {
            foreach (var row in Rows(arm.Arm.Name, StudyDefinition.BaseArm, arm.Gains))
            {
                yield return row;
            }
        }
        foreach (var comparison in report.Comparisons)
        {
            foreach (var row in Rows(comparison.Arm, comparison.Against, comparison.Gains))
            {
                yield return row;
            }
        }
    }

    private static IEnumerable<object?[]> Rows(
        string arm,
        string against,
        IReadOnlyDictionary<string, SeededGain> gains
    ) =>
        gains.Select(pair =>
            new object?[]
            {
                arm,
                against,
                pair.Key,
                pair.Value.Before,
                pair.Value.After,
                pair.Value.Gain,
                pair.Value.SeedCi95?[0],
                pair.Value.SeedCi95?[1],
                pair.Value.PromptCi95[0],
                pair.Value.PromptCi95[1],
                pair.Value.Direction,
                pair.Value.BySeed.Length,
                pair.Value.Prompts,
            }
        );

    private static IEnumerable<object?[]> Curve(StudyReport report) =>
        report
            .Arms.SelectMany(arm =>
                arm.Curve.SelectMany(point =>
                    point.Means.Select(mean => new object?[] { arm.Arm.Name, point.Step, mean.Key, mean.Value })
                )
            )
            .Prepend(["arm", "step", "metric", "value"]);

    private static IEnumerable<object?[]> Training(StudyReport report) =>
        report
            .Arms.SelectMany(arm =>
                arm.Training.Reward.Select(
                    (reward, i) =>
                        new object?[]
                        {
                            arm.Arm.Name,
                            i + 1,
                            reward,
                            arm.Training.SplitDeviation?[i],
                            arm.Training.EndDeviation?[i],
                            arm.Training.VelocityNormRatio?[i],
                        }
                )
            )
            .Prepend(["arm", "step", "reward", "split_deviation", "end_deviation", "velocity_norm_ratio"]);

    private static string Markdown(StudyReport report)
    {
        var to = new StringBuilder();
        to.Append(
            CultureInfo.InvariantCulture,
            $"# Study {report.Study}{(report.IsQuick ? ", quick" : "")}\n\n{report.Question}\n\n{StudyTables.Subject(report)}\n\n{StudyTables.Legend}\n"
        );
        to.Append("\n## Verdicts\n\n");
        foreach (var verdict in StudyVerdicts.Of(report))
        {
            to.Append(CultureInfo.InvariantCulture, $"* {verdict}\n");
        }
        foreach (var table in StudyTables.Of(report))
        {
            to.Append(table.Markdown());
        }
        return to.ToString();
    }
}
