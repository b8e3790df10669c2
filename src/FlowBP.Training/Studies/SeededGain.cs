// A gain over several trainings. Two things are drawn, and an interval over one says nothing of the other: seeds of training, and prompts.
// So there are two intervals, and a gain is told from chance where both leave out zero.

using System.Text.Json.Serialization;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Studies;

/// <summary>A metric of two arms, compared seed by seed and prompt by prompt.</summary>
/// <param name="Before">Mean over seeds and prompts of the first arm.</param>
/// <param name="After">The same of the second.</param>
/// <param name="Gain">Their difference.</param>
/// <param name="SeedCi95">
/// The 95 % interval over S training seeds, on these prompts: <c>m ± t·s/√S</c> with mean m and standard deviation s (divided by
/// S − 1) of the seeds' gains and the bound t of Student's distribution with S − 1 degrees of freedom; null: there is one seed.
/// </param>
/// <param name="PromptCi95">
/// The 95 % interval over prompts, of these seeds: the paired bootstrap of each prompt's mean gain over seeds
/// (<see cref="PairedBootstrap"/>).
/// </param>
/// <param name="BySeed">The gain of each seed.</param>
/// <param name="Prompts">The prompts that were compared.</param>
public sealed record SeededGain(
    double Before,
    double After,
    double Gain,
    double[]? SeedCi95,
    double[] PromptCi95,
    double[] BySeed,
    int Prompts
)
{
    private const double Confidence = 0.95;

    /// <summary>Whether values are shares in [0, 1].</summary>
    [JsonIgnore]
    public bool IsShare { get; init; }

    /// <summary>
    /// Which way it went: 1 up, -1 down, 0 not told from chance; null: there are too few prompts
    /// (<see cref="PairedGain.FewestPrompts"/>) or one seed.
    /// </summary>
    public int? Direction =>
        SeedCi95 is null || Prompts < PairedGain.FewestPrompts ? null
        : SeedCi95[0] > 0 && PromptCi95[0] > 0 ? 1
        : SeedCi95[1] < 0 && PromptCi95[1] < 0 ? -1
        : 0;

    /// <summary>Compares two arms.</summary>
    /// <param name="before">Per seed a value per prompt.</param>
    /// <param name="after">The same of the other arm, for the same seeds and prompts.</param>
    /// <exception cref="ArgumentException">There is nothing to compare, or there are other numbers of seeds or prompts.</exception>
    public static SeededGain Of(IReadOnlyList<double[]> before, IReadOnlyList<double[]> after)
    {
        if (before.Count == 0 || before.Count != after.Count)
        {
            throw new ArgumentException($"cannot pair {before.Count} seeds with {after.Count}");
        }
        var paired = PairedBootstrap.Compare(OverSeeds(before), OverSeeds(after));
        double[] gains = [.. before.Zip(after, (b, a) => a.Average() - b.Average())];
        return new(
            paired.Base,
            paired.Aligned,
            paired.Gain,
            SeedInterval(gains),
            paired.GainCi95,
            gains,
            paired.Prompts
        );
    }

    /// <summary>The interval over seeds; null for fewer than two.</summary>
    /// <param name="gains">The gain of each seed.</param>
    internal static double[]? SeedInterval(double[] gains)
    {
        if (gains.Length < 2)
        {
            return null;
        }
        var mean = gains.Average();
        var deviation = Math.Sqrt(gains.Sum(gain => (gain - mean) * (gain - mean)) / (gains.Length - 1));
        var half = StudentT.Bound(Confidence, gains.Length - 1) * deviation / Math.Sqrt(gains.Length);
        return [mean - half, mean + half];
    }

    private static double[] OverSeeds(IReadOnlyList<double[]> values_SP)
    {
        if (values_SP.Any(values => values.Length != values_SP[0].Length))
        {
            throw new ArgumentException("seeds have values of other numbers of prompts");
        }
        return [.. values_SP[0].Select((_, p) => values_SP.Average(values => values[p]))];
    }
}
