// How the trainings went: connectors, alarms and choices, and what a leap misses on the base model.

using System.Globalization;
using FlowBP.Training.Tables;

namespace FlowBP.Training.Studies;

/// <summary>Tables of trainings.</summary>
internal static class StudyTrainingTables
{
    // Columns of the table of leaps.
    private const int MostLengths = 6;

    /// <summary>Deviations of connectors; null: no arm leaps.</summary>
    public static TextTable? Deviations(StudyReport report)
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
                                FigureText.Significant(arm.Training.SplitDeviation?.Average()),
                                FigureText.Significant(arm.Training.SplitDeviation?.Max()),
                                FigureText.Significant(arm.Training.EndDeviation!.Average()),
                                FigureText.Significant(arm.Training.EndDeviation!.Max()),
                            ]
                    ),
                ]
            );
    }

    /// <summary>What alarms did and what was chosen; null: nothing was watched or chosen.</summary>
    public static TextTable? Endings(StudyReport report)
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
                                    ? FigureText.Undefined
                                    : $"{pair.ending.Hacking.TrippedAt?.ToString(CultureInfo.InvariantCulture) ?? "none"}",
                                $"{pair.ending.Hacking?.BestStep.ToString(CultureInfo.InvariantCulture) ?? FigureText.Undefined}",
                                $"{(pair.ending.Kept?.Step ?? pair.ending.Hacking?.KeptStep)?.ToString(CultureInfo.InvariantCulture) ?? FigureText.Undefined}",
                                pair.ending.Kept is { } kept
                                    ? FigureText.Fixed(kept.Strength, 2)
                                    : FigureText.Undefined,
                            ]
                    ),
                ]
            );
    }

    /// <summary>Errors of leaps; null: they were not measured.</summary>
    public static TextTable? LeapErrors(StudyReport report)
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
                                    FigureText.Significant(group.FirstOrDefault(error => error.Length == length)?.Error)
                                ),
                            ]
                    ),
            ]
        );
    }
}
