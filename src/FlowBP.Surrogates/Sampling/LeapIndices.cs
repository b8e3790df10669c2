// Where a two-leap trajectory starts (k) and where it is split (j). Each mode is a pure function of its draws, so that
// it can be held against the reference's numbers.
// Indices count from the noisy end; reverse indices r = N − i from the clean end.

using FlowBP.RandomStreams;
using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Start k and split j of two leaps, 0 ≤ k &lt; j &lt; N.</summary>
/// <param name="K">Start of the pre leap.</param>
/// <param name="J">Split.</param>
public readonly record struct LeapIndices(int K, int J);

/// <summary>How k and j are drawn (<c>jk_sampling_mode</c>).</summary>
public enum LeapSamplingMode
{
    /// <summary>Two distinct reverse indices.</summary>
    Uniform,

    /// <summary>Three segment lengths in Dirichlet proportions.</summary>
    Dirichlet,

    /// <summary>k uniform, j halfway to the end.</summary>
    Midpoint,

    /// <summary>j uniform, k halfway to the start.</summary>
    MidpointJ,
}

/// <summary>Draws <see cref="LeapIndices"/> (docs/methods.md §3.4).</summary>
public sealed record LeapSampler
{
    /// <summary>The mode.</summary>
    [Setting("how the start k and the split j are drawn", Name = "jk_sampling_mode")]
    public LeapSamplingMode Mode { get; init; } = LeapSamplingMode.Uniform;

    /// <summary>Largest reverse index of j, for uniform and Dirichlet; null: none.</summary>
    [Setting("the split lies in so many last steps", 1, Name = "jk_dirichlet_max_j_rev")]
    public int? MaxReverseSplit { get; init; }

    /// <summary>Dirichlet concentration of the segments that have none of their own; null: 2.5, 6 and 2.</summary>
    [Concentration("concentration of those of jk_dirichlet_alpha_a, _b, _c that are none", Name = "jk_dirichlet_alpha")]
    public double? Alpha { get; init; }

    /// <summary>Dirichlet concentration of the segment after j (clean side).</summary>
    [Concentration(
        "concentration of the segment after j; none: jk_dirichlet_alpha, or else 2.5",
        Name = "jk_dirichlet_alpha_a"
    )]
    public double? AlphaA { get; init; }

    /// <summary>Dirichlet concentration of the gap between k and j.</summary>
    [Concentration(
        "concentration of the gap between k and j; none: jk_dirichlet_alpha, or else 6",
        Name = "jk_dirichlet_alpha_b"
    )]
    public double? AlphaB { get; init; }

    /// <summary>Dirichlet concentration of the segment before k (noisy side).</summary>
    [Concentration(
        "concentration of the segment before k; none: jk_dirichlet_alpha, or else 2",
        Name = "jk_dirichlet_alpha_c"
    )]
    public double? AlphaC { get; init; }

    /// <summary>Lower bound of reverse indices.</summary>
    [Setting("smallest reverse index (N - i) of k and j", 1, Name = "min_idx")]
    public int MinReverse { get; init; } = 1;

    /// <summary>Upper bound of reverse indices, exclusive; null: N + 1.</summary>
    [Setting("reverse indices of k and j are below this; none: rollout_steps + 1", 2, Name = "max_idx")]
    public int? MaxReverse { get; init; }

    /// <summary>Restricts k and j to the last steps, r in (0, 1].</summary>
    [TailRatio]
    public double TailRatio { get; init; } = 1;

    /// <summary>Draws k and j.</summary>
    /// <param name="steps">N.</param>
    /// <param name="source">The draws.</param>
    /// <exception cref="InvalidSettingException">The settings leave no room for two leaps.</exception>
    public LeapIndices Draw(int steps, RandomStream source)
    {
        var window = ReverseWindow.Tail(steps, TailRatio, MinReverse, MaxReverse);
        return Mode switch
        {
            LeapSamplingMode.Uniform => DrawUniform(steps, window, source),
            LeapSamplingMode.Dirichlet => FromGamma(
                (float)source.NextGamma(AlphaA ?? Alpha ?? 2.5),
                (float)source.NextGamma(AlphaB ?? Alpha ?? 6),
                (float)source.NextGamma(AlphaC ?? Alpha ?? 2),
                steps,
                window,
                MaxReverseSplit
            ),
            LeapSamplingMode.Midpoint => FromReverseStart(window.Min + 1 + source.NextInt(window.Length - 1), steps),
            LeapSamplingMode.MidpointJ => FromReverseSplit(window.Min + source.NextInt(window.Length - 1), steps),
            _ => throw new InvalidOperationException($"{Mode} is no sampling mode"),
        };
    }

    /// <summary>
    /// Dirichlet: segment lengths <c>round(p·n)</c>, half to even in binary32; the remainder goes to the largest p; then
    /// every length is at least 1, the excess taken from the longest. A cap on j moves the overflow of the first
    /// segment to the last, the gap unchanged.
    /// </summary>
    /// <param name="a">Gamma draw of the segment after j.</param>
    /// <param name="b">Gamma draw of the gap.</param>
    /// <param name="c">Gamma draw of the segment before k.</param>
    /// <param name="steps">N.</param>
    /// <param name="window">Reverse indices that are allowed.</param>
    /// <param name="maxReverseSplit">Largest reverse index of j; null: none.</param>
    public static LeapIndices FromGamma(
        float a,
        float b,
        float c,
        int steps,
        ReverseWindow window,
        int? maxReverseSplit
    )
    {
        var n = window.Length;
        if (n < 3)
        {
            throw new InvalidSettingException(
                $"dirichlet sampling needs 3 reverse indices, the window [{window.Min}, {window.Max}) has {n};"
                    + " raise rollout_steps or train_step_tail_ratio, or set jk_sampling_mode uniform"
            );
        }
        // Draws of a small concentration may all round to zero, of a large one to infinity: then the segments are as long as each other.
        var sum = a + b + c;
        float[] p = sum > 0 && float.IsFinite(sum) ? [a / sum, b / sum, c / sum] : [1f / 3, 1f / 3, 1f / 3];
        int[] lengths = [.. p.Select(share => (int)MathF.Round(share * n, MidpointRounding.ToEven))];
        lengths[LargestOf(p)] += n - lengths.Sum();
        lengths = [.. lengths.Select(length => Math.Max(1, length))];
        lengths[LargestOf(lengths)] += n - lengths.Sum();
        if (maxReverseSplit is { } cap)
        {
            lengths[0] = Math.Min(lengths[0], Math.Max(1, cap - window.Min));
        }
        var split = window.Min + lengths[0];
        return new(steps - split - lengths[1], steps - split);
    }

    /// <summary>Midpoint: j halfway between k and the end, rounded down, but after k.</summary>
    /// <param name="reverseStart">Reverse index of k.</param>
    /// <param name="steps">N.</param>
    public static LeapIndices FromReverseStart(int reverseStart, int steps)
    {
        var k = steps - reverseStart;
        return new(k, Math.Max((k + steps) / 2, k + 1));
    }

    /// <summary>Midpoint of j: k halfway between the start and j, rounded down.</summary>
    /// <param name="reverseSplit">Reverse index of j.</param>
    /// <param name="steps">N.</param>
    public static LeapIndices FromReverseSplit(int reverseSplit, int steps)
    {
        var j = steps - reverseSplit;
        return new(j / 2, j);
    }

    private LeapIndices DrawUniform(int steps, ReverseWindow window, RandomStream source)
    {
        int split;
        int start;
        if (MaxReverseSplit is { } cap)
        {
            var last = Math.Min(cap, window.Max - 2);
            if (last < window.Min)
            {
                throw new InvalidSettingException(
                    $"jk_dirichlet_max_j_rev {cap} leaves no split: it must be at least {window.Min}"
                );
            }
            split = window.Min + source.NextInt(last - window.Min + 1);
            start = split + 1 + source.NextInt(window.Max - split - 1);
        }
        else
        {
            var first = source.NextInt(window.Length);
            var second = source.NextInt(window.Length - 1);
            second += second >= first ? 1 : 0;
            split = window.Min + Math.Min(first, second);
            start = window.Min + Math.Max(first, second);
        }
        return new(steps - start, steps - split);
    }

    private static int LargestOf<T>(T[] values)
        where T : IComparable<T> => Array.IndexOf(values, values.Max()!);
}
