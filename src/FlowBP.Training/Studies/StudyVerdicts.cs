// What the figures say, in sentences. What fell is named like what rose.

using FlowBP.Training.EmbeddedWorld;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Studies;

/// <summary>Reads a report.</summary>
public static class StudyVerdicts
{
    /// <summary>The verdicts, a sentence or two each.</summary>
    /// <param name="report">The report.</param>
    public static IReadOnlyList<string> Of(StudyReport report) =>
        [
            .. report.Arms.Select(arm => OfArm(report, arm)),
            .. report.Arms.SelectMany(arm => OfComparisons(report, arm.Arm.Name)),
            .. report.Arms.SelectMany(arm => OfAlarm(arm)),
            .. report.Arms.SelectMany(arm => arm.Failures.Select(failure => $"Not measured: {failure}")),
        ];

    private static string OfArm(StudyReport report, ArmReport arm)
    {
        if (arm.Gains.Count == 0)
        {
            return $"{arm.Arm.Name}: no seed is measured.";
        }
        var metrics = StudyTables
            .MetricsOf(report)
            .Where(metric => metric != PictureSpread.MetricName)
            .Select(metric => $"{MetricNames.InWords(metric)} {Words(arm.Gains[metric])}");
        var tasks = Parts(arm, -1, "significantly down in").Concat(Parts(arm, 1, "significantly up in"));
        var spread = arm.Gains.GetValueOrDefault(PictureSpread.MetricName) is { Direction: -1 } narrower
            ? [$"pictures of a prompt are more alike ({GainText.Change(narrower.Gain, false)})"]
            : Array.Empty<string>();
        return $"{arm.Arm.Name}: {string.Join(", ", metrics)}{string.Concat(tasks.Concat(spread).Select(text => $"; {text}"))}.";
    }

    private static IEnumerable<string> Parts(ArmReport arm, int direction, string words)
    {
        string[] names =
        [
            .. arm
                .Gains.Where(gain => gain.Key.Contains('/') && gain.Value.Direction == direction)
                .Select(gain => MetricNames.GroupInWords(gain.Key)),
        ];
        return names.Length == 0 ? [] : [$"{words} {string.Join(", ", names)}"];
    }

    private static IEnumerable<string> OfComparisons(StudyReport report, string arm)
    {
        foreach (
            var metric in StudyTables
                .MetricsOf(report)
                .Where(metric => metric is ShapesJudge.MetricName or RewardJudge.HeldOut)
        )
        {
            var compared = report
                .Comparisons.Where(comparison => comparison.Arm == arm)
                .Select(comparison => (comparison.Against, Gain: comparison.Gains[metric]))
                .ToArray();
            if (compared.Length == 0)
            {
                continue;
            }
            var groups = compared
                .GroupBy(pair => pair.Gain.Direction)
                .OrderByDescending(group => group.Key ?? int.MinValue)
                .Select(group =>
                    $"{(group.Key switch { > 0 => "above", < 0 => "below", 0 => "not told apart from", null => "too few seeds or prompts to tell from" })} "
                    + string.Join(
                        ", ",
                        group.Select(pair => $"{pair.Against} ({GainText.Change(pair.Gain.Gain, pair.Gain.IsShare)})")
                    )
                );
            yield return $"{arm} by {MetricNames.InWords(metric)}: {string.Join("; ", groups)}.";
        }
    }

    private static IEnumerable<string> OfAlarm(ArmReport arm)
    {
        var watched = arm.Endings.Where(ending => ending.Hacking is not null).ToArray();
        if (watched.Length == 0)
        {
            yield break;
        }
        var tripped = watched.Where(ending => ending.Hacking!.TrippedAt is not null).ToArray();
        yield return tripped.Length == 0
            ? $"{arm.Arm.Name}: the alarm was not tripped in {watched.Length} of {watched.Length} trainings."
            : $"{arm.Arm.Name}: the alarm was tripped in {tripped.Length} of {watched.Length} trainings, "
                + string.Join(
                    ", ",
                    tripped.Select(ending =>
                        $"with seed {ending.Seed} at step {ending.Hacking!.TrippedAt} (kept: step {ending.Hacking.KeptStep})"
                    )
                )
                + ".";
    }

    private static string Words(SeededGain gain) =>
        $"{GainText.Change(gain.Gain, gain.IsShare)}"
        + (
            gain.SeedCi95 is null
                ? ""
                : $" [{GainText.Change(gain.SeedCi95[0], gain.IsShare)}, {GainText.Change(gain.SeedCi95[1], gain.IsShare)}]"
        )
        + gain.Direction switch
        {
            1 => " (up)",
            -1 => " (down)",
            0 => " (not told from chance)",
            _ => " (too few seeds or prompts to tell)",
        };
}
