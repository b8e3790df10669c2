// The report as tables of texts, the same for a terminal and for a file. What is not defined is a dash; a star marks what is told from
// chance.

using System.Globalization;
using FlowBP.Training.EmbeddedWorld;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Studies;

/// <summary>A table whose first column is a name and whose others are figures.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="Headers">Of its columns.</param>
/// <param name="Rows">As many texts each.</param>
public sealed record StudyTable(string Title, IReadOnlyList<string> Headers, IReadOnlyList<IReadOnlyList<string>> Rows);

/// <summary>Makes the tables of a report; each fits 80 columns.</summary>
public static class StudyTables
{
    /// <summary>What stands where a quantity is not defined.</summary>
    public const string Undefined = "-";

    private const string Marked = "*";

    // Columns of the table of leaps.
    private const int MostLengths = 6;

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
    public static IReadOnlyList<StudyTable> Of(StudyReport report)
    {
        List<StudyTable> tables = [];
        foreach (var metric in MetricsOf(report))
        {
            tables.Add(Gains(report, metric));
        }
        StudyTable?[] others =
        [
            Tasks(report),
            .. MetricsOf(report).Select(metric => Comparisons(report, metric)),
            .. MetricsOf(report).Select(metric => Curve(report, metric)),
            Deviations(report),
            Endings(report),
            LeapErrors(report),
        ];
        return [.. tables, .. others.OfType<StudyTable>()];
    }

    /// <summary>Metrics that are not of a group, the rules first.</summary>
    internal static IReadOnlyList<string> MetricsOf(StudyReport report) =>
        [.. report.Base.Keys.OrderBy(name => Array.IndexOf(s_order, name) is >= 0 and var at ? at : s_order.Length)];

    /// <summary>A metric's name in words.</summary>
    public static string Name(string metric) =>
        metric switch
        {
            RewardJudge.Training => "training reward",
            RewardJudge.HeldOut => "held-out reward",
            _ => metric.Replace('_', ' '),
        };

    /// <summary>A gain with its sign: points of a share, otherwise a number.</summary>
    internal static string Change(double value, bool isShare)
    {
        var decimals = isShare ? 1 : 4;
        // Rounded first: what rounds to zero from below is no negative number.
        var rounded = Math.Round(isShare ? 100 * value : value, decimals);
        return (rounded < 0 ? "" : "+") + Fixed(rounded == 0 ? 0 : rounded, decimals);
    }

    /// <summary>An interval of gains.</summary>
    internal static string Interval(double[]? interval, bool isShare) =>
        interval is null ? Undefined : $"{Change(interval[0], isShare)}…{Change(interval[1], isShare)}";

    private static StudyTable Gains(StudyReport report, string metric)
    {
        var isShare = IsShare(report, metric);
        return new(
            $"{Name(metric)}: gain over the base model ({Value(report.Base[metric], isShare)})",
            ["arm", "value", "gain", "over seeds", "over prompts", "seeds"],
            [
                .. report.Arms.Select(arm =>
                    (IReadOnlyList<string>)(
                        arm.Gains.GetValueOrDefault(metric) is { } gain
                            ?
                            [
                                arm.Arm.Name,
                                Value(gain.After, isShare),
                                Star(gain),
                                Interval(gain.SeedCi95, isShare),
                                Interval(gain.PromptCi95, isShare),
                                $"{gain.BySeed.Length}",
                            ]
                            : [arm.Arm.Name, .. Enumerable.Repeat(Undefined, 4), "0"]
                    )
                ),
            ]
        );
    }

    private static StudyTable? Tasks(StudyReport report)
    {
        var tasks = report
            .Arms.SelectMany(arm => arm.Gains.Keys)
            .Where(name => name.Contains('/'))
            .Distinct()
            .ToArray();
        return tasks.Length == 0
            ? null
            : new(
                $"{Name(ShapesJudge.MetricName)}: gain of each task, in points",
                ["arm", .. tasks.Select(task => task[(task.IndexOf('/') + 1)..].Replace('_', ' '))],
                [
                    .. report.Arms.Select(arm =>
                        (IReadOnlyList<string>)
                            [
                                arm.Arm.Name,
                                .. tasks.Select(task =>
                                    arm.Gains.GetValueOrDefault(task) is { } gain ? Star(gain) : Undefined
                                ),
                            ]
                    ),
                ]
            );
    }

    private static StudyTable? Comparisons(StudyReport report, string metric) =>
        report.Comparisons.Count == 0
            ? null
            : new(
                $"{Name(metric)}: arms against each other",
                ["arm", "against", "difference", "over seeds", "over prompts"],
                [
                    .. from comparison in report.Comparisons
                    let gain = comparison.Gains[metric]
                    select (IReadOnlyList<string>)
                        [
                            comparison.Arm,
                            comparison.Against,
                            Star(gain),
                            Interval(gain.SeedCi95, gain.IsShare),
                            Interval(gain.PromptCi95, gain.IsShare),
                        ],
                ]
            );

    private static StudyTable? Curve(StudyReport report, string metric)
    {
        int[] steps = [.. report.Arms.SelectMany(arm => arm.Curve).Select(point => point.Step).Distinct().Order()];
        return steps.Length < 3 || report.Arms.All(arm => !arm.Curve[0].Means.ContainsKey(metric))
            ? null
            : new(
                $"{Name(metric)} after so many steps (first draw of noise)",
                ["arm", .. steps.Select(step => $"{step}")],
                [
                    .. report.Arms.Select(arm =>
                        (IReadOnlyList<string>)
                            [
                                arm.Arm.Name,
                                .. steps.Select(step =>
                                    arm.Curve.FirstOrDefault(point => point.Step == step) is { } point
                                        ? Value(point.Means[metric], IsShare(report, metric))
                                        : Undefined
                                ),
                            ]
                    ),
                ]
            );
    }

    private static StudyTable? Deviations(StudyReport report)
    {
        var leaping = report.Arms.Where(arm => arm.Training.EndDeviation is not null).ToArray();
        return leaping.Length == 0
            ? null
            : new(
                "deviations of connectors over the training",
                ["arm", "split, mean", "split, largest", "end, mean", "end, largest"],
                [
                    .. leaping.Select(arm =>
                        (IReadOnlyList<string>)
                            [
                                arm.Arm.Name,
                                Significant(arm.Training.SplitDeviation?.Average()),
                                Significant(arm.Training.SplitDeviation?.Max()),
                                Significant(arm.Training.EndDeviation!.Average()),
                                Significant(arm.Training.EndDeviation!.Max()),
                            ]
                    ),
                ]
            );
    }

    private static StudyTable? Endings(StudyReport report)
    {
        var endings = report.Arms.SelectMany(arm => arm.Endings.Select(ending => (arm, ending))).ToArray();
        return endings.Length == 0
            ? null
            : new(
                "what was watched and chosen",
                ["arm", "seed", "alarm at step", "best step", "kept step", "strength"],
                [
                    .. endings.Select(pair =>
                        (IReadOnlyList<string>)
                            [
                                pair.arm.Arm.Name,
                                $"{pair.ending.Seed}",
                                pair.ending.Hacking is null
                                    ? Undefined
                                    : $"{pair.ending.Hacking.TrippedAt?.ToString(CultureInfo.InvariantCulture) ?? "none"}",
                                $"{pair.ending.Hacking?.BestStep.ToString(CultureInfo.InvariantCulture) ?? Undefined}",
                                $"{(pair.ending.Kept?.Step ?? pair.ending.Hacking?.KeptStep)?.ToString(CultureInfo.InvariantCulture) ?? Undefined}",
                                pair.ending.Kept is { } kept ? Fixed(kept.Strength, 2) : Undefined,
                            ]
                    ),
                ]
            );
    }

    private static StudyTable? LeapErrors(StudyReport report)
    {
        if (report.LeapErrors is not { Count: > 0 } errors)
        {
            return null;
        }
        int[] all = [.. errors.Select(error => error.Length).Distinct().Order()];
        var every = (all.Length + MostLengths - 1) / MostLengths;
        int[] lengths = [.. all.Where((_, i) => i % every == 0)];
        return new(
            "error of a leap to the end on the base model, by its length in steps",
            ["arm", .. lengths.Select(length => $"{length}")],
            [
                .. errors
                    .GroupBy(error => error.Arm)
                    .Select(group =>
                        (IReadOnlyList<string>)
                            [
                                group.Key,
                                .. lengths.Select(length =>
                                    Significant(group.FirstOrDefault(error => error.Length == length)?.Error)
                                ),
                            ]
                    ),
            ]
        );
    }

    private static bool IsShare(StudyReport report, string metric) =>
        report.Arms.Any(arm => arm.Gains.GetValueOrDefault(metric) is { IsShare: true });

    private static string Star(SeededGain gain) =>
        Change(gain.Gain, gain.IsShare) + (gain.Direction is 1 or -1 ? Marked : "");

    private static string Value(double value, bool isShare) => isShare ? $"{Fixed(100 * value, 1)} %" : Fixed(value, 4);

    private static string Fixed(double value, int decimals) =>
        value.ToString($"F{decimals}", CultureInfo.InvariantCulture);

    private static string Significant(double? value) =>
        value is not { } number ? Undefined : number.ToString("G3", CultureInfo.InvariantCulture);
}
