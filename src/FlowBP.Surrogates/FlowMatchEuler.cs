// How the reference's flow-matching Euler scheduler arrives at its sigmas, with every rounding to binary32 in its place:
// a schedule that is right to seven digits still feeds the network other timesteps than it was trained and measured with.

namespace FlowBP.Surrogates;

/// <summary>The recipes of flow-matching Euler schedules (docs/methods.md §1), in binary32 arithmetic.</summary>
public static class FlowMatchEuler
{
    /// <summary>The uniform grid 1, …, 1/N, computed in double and rounded to binary32.</summary>
    /// <param name="steps">N, at least 1.</param>
    public static float[] UniformGrid(int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        return Linspace(1, 1.0 / steps, steps).Select(sigma => (float)sigma).ToArray();
    }

    /// <summary>
    /// SD3.5's own pipeline default, which differs from the training schedule: the grid ends at the *shifted* smallest
    /// of 1000 training sigmas, and is then shifted again.
    /// </summary>
    /// <param name="steps">N, at least 1.</param>
    /// <param name="shift">Positive.</param>
    public static NoiseSchedule PipelineDefault(int steps, double shift)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        double smallest = Shift(1f / 1000f, shift);
        // Here the reference stays in double until the end: its grid is not an array of binary32.
        var sigmas = Linspace(1000, smallest * 1000, steps)
            .Select(timestep => timestep / 1000)
            .Select(sigma => (double)(float)(shift * sigma / (1 + ((shift - 1) * sigma))));
        return NoiseSchedule.FromSigmas([.. sigmas, 0.0]);
    }

    /// <summary>Static shift of a grid, and the final 0: σ_0 … σ_N.</summary>
    /// <param name="grid">σ in (0, 1], decreasing.</param>
    /// <param name="shift">Positive.</param>
    public static double[] StaticShift(float[] grid, double shift)
    {
        if (!(shift > 0))
        {
            throw new ArgumentOutOfRangeException(nameof(shift), shift, "the shift must be positive");
        }
        return [.. grid.Select(sigma => (double)Shift(sigma, shift)), 0.0];
    }

    /// <summary>Exponential dynamic shift of a grid, and the final 0: σ_0 … σ_N.</summary>
    /// <param name="grid">σ in (0, 1], decreasing.</param>
    /// <param name="mu">μ.</param>
    public static double[] DynamicShift(float[] grid, double mu)
    {
        var e = (float)Math.Exp(mu);
        return [.. grid.Select(sigma => (double)(e / (e + ((1f / sigma) - 1f)))), 0.0];
    }

    /// <summary>μ of FLUX.1: linear in the number of image tokens through two points.</summary>
    /// <param name="imageTokens">Length of the image sequence, tokens.</param>
    /// <param name="baseTokens">Tokens at which μ is <paramref name="baseShift"/>.</param>
    /// <param name="maxTokens">Tokens at which μ is <paramref name="maxShift"/>.</param>
    /// <param name="baseShift">μ at <paramref name="baseTokens"/>.</param>
    /// <param name="maxShift">μ at <paramref name="maxTokens"/>.</param>
    public static double LinearMu(
        int imageTokens,
        int baseTokens = 256,
        int maxTokens = 4096,
        double baseShift = 0.5,
        double maxShift = 1.15
    )
    {
        var slope = (maxShift - baseShift) / (maxTokens - baseTokens);
        return (imageTokens * slope) + (baseShift - (slope * baseTokens));
    }

    /// <summary>
    /// μ of FLUX.2: two fitted lines in the number of tokens, at 10 and at 200 steps, interpolated linearly in the
    /// number of steps; above 4300 tokens the line for 200 steps alone.
    /// </summary>
    /// <param name="imageTokens">Length of the image sequence, tokens.</param>
    /// <param name="steps">N.</param>
    public static double EmpiricalMu(int imageTokens, int steps)
    {
        var at200 = (0.00016927 * imageTokens) + 0.45666666;
        if (imageTokens > 4300)
        {
            return at200;
        }
        var at10 = (8.73809524e-05 * imageTokens) + 1.89833333;
        var slope = (at200 - at10) / 190;
        return (slope * steps) + (at200 - (200 * slope));
    }

    private static float Shift(float sigma, double shift) => (float)shift * sigma / (1f + ((float)(shift - 1) * sigma));

    private static IEnumerable<double> Linspace(double start, double stop, int count)
    {
        for (var i = 0; i < count; i++)
        {
            yield return i == count - 1 && count > 1 ? stop : start + (i * ((stop - start) / Math.Max(1, count - 1)));
        }
    }
}
