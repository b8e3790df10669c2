// What a study says of itself besides its arms: how often everything is trained, from which noise it is judged, and when.

using System.Globalization;
using FlowBP.Settings;

namespace FlowBP.Training.Studies;

/// <summary>How the arms of a study are measured.</summary>
public sealed record StudyMeasure
{
    /// <summary>What can be set, as the keys of a study's file.</summary>
    internal static SettingTable<StudyMeasure> Table { get; } = new(new());

    /// <summary>What the study answers.</summary>
    [Setting("what the study answers")]
    public string Question { get; init; } = "-";

    /// <summary>Training seeds, as typed.</summary>
    [Setting("training seeds")]
    public IReadOnlyList<string> Seeds { get; init; } = ["1", "2", "3", "4", "5"];

    /// <summary>Seeds of the evaluation's noise, as typed.</summary>
    [Setting("seeds of the noise of evaluations; the first is the curve's")]
    public IReadOnlyList<string> EvaluationSeeds { get; init; } = ["101", "102"];

    /// <summary>Steps after which the model is also evaluated, as typed.</summary>
    [Setting("steps after which the model is also evaluated, with the first evaluation seed; or none")]
    public IReadOnlyList<string> Curve { get; init; } = [];

    /// <summary>Whether errors of leaps are measured on the base model.</summary>
    [Setting("measure on the base model how far the leaps of each arm miss, by their length")]
    public bool LeapErrors { get; init; }

    /// <summary>Training seeds.</summary>
    /// <exception cref="ConfigurationException">One is no seed, or is given twice.</exception>
    public IReadOnlyList<long> TrainingSeeds => Numbers("seeds", Seeds, 0);

    /// <summary>Seeds of the evaluation's noise.</summary>
    /// <exception cref="ConfigurationException">One is no seed, or is given twice.</exception>
    public IReadOnlyList<long> NoiseSeeds => Numbers("evaluation_seeds", EvaluationSeeds, 0);

    /// <summary>Steps after which the model is also evaluated.</summary>
    /// <exception cref="ConfigurationException">One is no step, or is given twice.</exception>
    public IReadOnlyList<int> CurveSteps => [.. Numbers("curve", Curve, 1).Select(step => checked((int)step))];

    /// <summary>Whole numbers of a list.</summary>
    /// <param name="name">The setting's name.</param>
    /// <param name="texts">As typed.</param>
    /// <param name="least">The smallest that is accepted.</param>
    /// <exception cref="ConfigurationException">One is none, or is given twice.</exception>
    internal static IReadOnlyList<long> Numbers(string name, IReadOnlyList<string> texts, long least)
    {
        List<long> numbers = [];
        foreach (var text in texts)
        {
            if (
                !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                || number < least
                || number > int.MaxValue
            )
            {
                throw new ConfigurationException(
                    $"{name}: found '{text}', expected whole numbers from {least} to {int.MaxValue}"
                );
            }
            if (numbers.Contains(number))
            {
                throw new ConfigurationException($"{name} names {number} twice");
            }
            numbers.Add(number);
        }
        return numbers;
    }
}
