// Late steps of a rollout consume more noise and shape what the reward looks at. How strongly they are preferred is one
// exponent.

using FlowBP.RandomStreams;

namespace FlowBP.Surrogates;

/// <summary>Distinct indices, later ones likelier (docs/methods.md §3.4).</summary>
public static class LateBiased
{
    /// <summary>
    /// K distinct indices of [<paramref name="start"/>, <paramref name="end"/>), drawn one after another without
    /// replacement with <c>P(i) ∝ (i − origin + 1)^β</c>; all of them if K is no less than their number.
    /// </summary>
    /// <param name="start">First index.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="count">K, at least 1.</param>
    /// <param name="bias">β ≥ 0; 0 is uniform.</param>
    /// <param name="origin">Where counting begins: 0 in Sparse, the segment's start in Bridge.</param>
    /// <param name="source">The draws.</param>
    /// <returns>The indices, increasing.</returns>
    public static int[] Draw(int start, int end, int count, double bias, int origin, RandomStream source)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var left = Enumerable.Range(start, end - start).ToList();
        if (count >= left.Count)
        {
            return [.. left];
        }
        var drawn = new int[count];
        for (var k = 0; k < count; k++)
        {
            var probabilities = Probabilities(left, bias, origin);
            var position = Pick(probabilities, source.NextDouble());
            drawn[k] = left[position];
            left.RemoveAt(position);
        }
        Array.Sort(drawn);
        return drawn;
    }

    /// <summary>The distribution of the next draw over the indices that are left.</summary>
    /// <param name="left">Indices.</param>
    /// <param name="bias">β.</param>
    /// <param name="origin">Where counting begins.</param>
    public static double[] Probabilities(IReadOnlyList<int> left, double bias, int origin)
    {
        // Relative to the largest, which is then 1: a power of a large index overflows, and a share of infinity is no number.
        var largest = (double)(left.Max() - origin + 1);
        var weights = left.Select(i => Math.Pow((i - origin + 1) / largest, bias)).ToArray();
        var sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }

    /// <summary>The first position at which the cumulative distribution exceeds <paramref name="u"/>.</summary>
    /// <param name="probabilities">A distribution.</param>
    /// <param name="u">Uniform in [0, 1).</param>
    public static int Pick(IReadOnlyList<double> probabilities, double u)
    {
        var cumulative = 0.0;
        for (var i = 0; i < probabilities.Count; i++)
        {
            cumulative += probabilities[i];
            if (u < cumulative)
            {
                return i;
            }
        }
        // The sum may round to just below 1.
        return probabilities.Count - 1;
    }
}
