// A gain with its uncertainty. The two models are compared prompt by prompt, with the same noise, so the unit that is
// resampled is the prompt: two pictures of one prompt are no two facts.

using System.Text.Json.Serialization;
using FlowBP.RandomStreams;

namespace FlowBP.Training.Evaluation;

/// <summary>A metric before and after, with the interval of its gain.</summary>
/// <param name="Base">Mean over prompts of the base model.</param>
/// <param name="Aligned">Mean over prompts of the aligned model.</param>
/// <param name="Gain">Their difference.</param>
/// <param name="GainCi95">The 95 % interval of the gain, [low, high].</param>
/// <param name="Prompts">n, the prompts that were compared.</param>
public sealed record PairedGain(double Base, double Aligned, double Gain, double[] GainCi95, int Prompts)
{
    /// <summary>
    /// The fewest prompts of which an interval of 95 % says something. A gain that is pure chance has the same sign in n prompts with
    /// probability 2^(1 - n), and then the interval leaves out zero: for 5 prompts that is 6 %, for 6 it is 3 %.
    /// </summary>
    public const int FewestPrompts = 6;

    /// <summary>Whether the values are shares in [0, 1], as <see cref="IPictureJudge.IsShare"/>.</summary>
    [JsonIgnore]
    public bool IsShare { get; init; }

    /// <summary>Which way it went: 1 up, -1 down, 0 not told from chance; null: there are too few prompts to tell.</summary>
    [JsonIgnore]
    public int? Direction =>
        Prompts < FewestPrompts ? null
        : GainCi95[0] > 0 ? 1
        : GainCi95[1] < 0 ? -1
        : 0;
}

/// <summary>Paired bootstrap over prompts (Efron 1979; percentile interval).</summary>
public static class PairedBootstrap
{
    private const int Resamples = 10000;

    /// <summary>Compares two lists of values of the same prompts.</summary>
    /// <param name="before">One value per prompt.</param>
    /// <param name="after">One value per prompt, in the same order.</param>
    /// <param name="seed">Seed of the resampling.</param>
    /// <exception cref="ArgumentException">The lists are empty or differ in length.</exception>
    public static PairedGain Compare(IReadOnlyList<double> before, IReadOnlyList<double> after, ulong seed = 0)
    {
        if (before.Count == 0 || before.Count != after.Count)
        {
            throw new ArgumentException($"cannot pair {before.Count} values with {after.Count}");
        }
        double[] differences = [.. before.Zip(after, (b, a) => a - b)];
        var stream = RandomStream.For(seed, 0, 0, RandomPurpose.Bootstrap);
        var means = new double[Resamples];
        for (var i = 0; i < Resamples; i++)
        {
            var sum = 0.0;
            for (var k = 0; k < differences.Length; k++)
            {
                sum += differences[stream.NextInt(differences.Length)];
            }
            means[i] = sum / differences.Length;
        }
        Array.Sort(means);
        return new(
            before.Average(),
            after.Average(),
            differences.Average(),
            [Quantile(means, 0.025), Quantile(means, 0.975)],
            differences.Length
        );
    }

    /// <summary>A quantile of sorted values, linear between neighbours.</summary>
    /// <param name="sorted">The values, at least one.</param>
    /// <param name="share">Which, in [0, 1].</param>
    internal static double Quantile(double[] sorted, double share)
    {
        var at = share * (sorted.Length - 1);
        var below = (int)at;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }
}
