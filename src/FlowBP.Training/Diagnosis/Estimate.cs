// Figures with their uncertainty. What is resampled are draws of prompts and noise: draws of indices on the same noise are no
// independent facts. A ratio of sums is resampled as a whole.

using FlowBP.RandomStreams;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Diagnosis;

/// <summary>A figure and its 95 % interval.</summary>
/// <param name="Value">The figure.</param>
/// <param name="Ci95">[low, high], by the bootstrap over draws (Efron 1979; percentiles).</param>
public sealed record Estimate(double Value, double[] Ci95)
{
    private const int Resamples = 10000;

    /// <summary>Whether the intervals have a number in common.</summary>
    /// <param name="other">The other figure.</param>
    public bool Overlaps(Estimate other) => Ci95[0] <= other.Ci95[1] && other.Ci95[0] <= Ci95[1];

    /// <summary>A statistic of draws.</summary>
    /// <param name="draws">How many draws there are.</param>
    /// <param name="statistic">Its value over some draws, given by their indices; NaN where it is not defined.</param>
    /// <returns>Null where it is not defined over all draws.</returns>
    internal static Estimate? Of(int draws, Func<int[], double> statistic)
    {
        int[] chosen = [.. Enumerable.Range(0, draws)];
        var value = statistic(chosen);
        if (!double.IsFinite(value))
        {
            return null;
        }
        var stream = RandomStream.For(0, 0, 0, RandomPurpose.Bootstrap);
        List<double> resampled = [];
        for (var i = 0; i < Resamples; i++)
        {
            for (var k = 0; k < draws; k++)
            {
                chosen[k] = stream.NextInt(draws);
            }
            if (statistic(chosen) is var again && double.IsFinite(again))
            {
                resampled.Add(again);
            }
        }
        double[] sorted = [.. resampled.Order()];
        return sorted.Length == 0
            ? null
            : new(value, [PairedBootstrap.Quantile(sorted, 0.025), PairedBootstrap.Quantile(sorted, 0.975)]);
    }

    /// <summary>The mean of a value per draw, over the draws in which it is defined.</summary>
    /// <param name="values">One per draw; NaN: not defined.</param>
    internal static Estimate? Mean(IReadOnlyList<double> values) =>
        Of(
            values.Count,
            chosen =>
            {
                var (sum, count) = (0.0, 0);
                foreach (var draw in chosen)
                {
                    if (!double.IsNaN(values[draw]))
                    {
                        sum += values[draw];
                        count++;
                    }
                }
                return sum / count;
            }
        );
}
