// Random draws, compared by their distribution: with that of the recording where it has frequencies, with the exact one
// where that can be written down. The bounds are such that a right sampler exceeds them in less than one of a hundred
// thousand recordings.

using System.Text.Json;
using FlowBP.RandomStreams;
using FlowBP.Surrogates;

namespace FlowBP.Verification.Methods;

/// <summary>Statistical checks of the index samplers.</summary>
internal static class DrawFixture
{
    /// <summary>The recorded probabilities are binary32.</summary>
    public const double ProbabilityTolerance = 2e-7;

    private const int Draws = 20000;

    // Of the largest of some hundred standard normal deviations.
    private const double DeviationBound = 6;

    // Exact first-draw probabilities; inclusion frequencies as a two-sample comparison with the recorded draws.
    public static void LateBiasedDraws(JsonElement data, Comparison comparison)
    {
        foreach (var entry in data.GetProperty("cases").EnumerateArray())
        {
            var window = SamplerFixture.Integers(entry.GetProperty("window"));
            var bias = entry.GetProperty("bias").GetDouble();
            var count = entry.GetProperty("num_active").GetInt32();
            int[] indices = [.. Enumerable.Range(window[0], window[1] - window[0])];
            var probabilities = LateBiased.Probabilities(indices, bias, origin: 0);
            var name = $"bias {bias}, window [{window[0]}, {window[1]})";
            var recorded = SamplerFixture.Numbers(entry.GetProperty("first_draw_prob"));
            comparison.Numbers($"probabilities, {name}", probabilities, InWindow(recorded, window));
            var frequencies = new double[indices.Length];
            var source = RandomStream.For(1, 0, count, RandomPurpose.Indices);
            for (var draw = 0; draw < Draws; draw++)
            {
                foreach (var i in LateBiased.Draw(window[0], window[1], count, bias, origin: 0, source))
                {
                    frequencies[i - window[0]] += 1.0 / Draws;
                }
            }
            var reference = InWindow(SamplerFixture.Numbers(entry.GetProperty("inclusion_freq_20000")), window);
            for (var i = 0; i < indices.Length; i++)
            {
                var p = (frequencies[i] + reference[i]) / 2;
                var sigma = Math.Sqrt(2 * p * (1 - p) / Draws);
                var deviation = sigma == 0 ? 0 : Math.Abs(frequencies[i] - reference[i]) / sigma;
                comparison.Statistic($"inclusion of {indices[i]}, {name}", deviation, DeviationBound);
            }
        }
    }

    private static double[] InWindow(double[] values, int[] window) =>
        values.Length == window[1] - window[0] ? values : values[window[0]..window[1]];

    // P(j) = 2j / (N(N − 1)): ours and the recorded draws, each against the distribution.
    public static void UniformLeaps(int steps, JsonElement data, Comparison comparison)
    {
        var recorded = SamplerFixture.Numbers(data.GetProperty("j_hist"));
        var drawn = new double[steps];
        HashSet<LeapIndices> pairs = [];
        var source = RandomStream.For(2, 0, steps, RandomPurpose.Indices);
        var sampler = new LeapSampler();
        var total = (int)recorded.Sum();
        for (var draw = 0; draw < total; draw++)
        {
            var pair = sampler.Draw(steps, source);
            pairs.Add(pair);
            drawn[pair.J]++;
        }
        comparison.Exactly("pairs", [pairs.Count], [data.GetProperty("n_distinct_pairs").GetInt32()]);
        for (var j = 0; j < steps; j++)
        {
            var p = 2.0 * j / (steps * (steps - 1.0));
            var sigma = Math.Sqrt(total * p * (1 - p));
            foreach (var (whose, count) in new[] { ("drawn", drawn[j]), ("recorded", recorded[j]) })
            {
                var deviation = sigma == 0 ? count : Math.Abs(count - (total * p)) / sigma;
                comparison.Statistic($"{whose} j = {j}", deviation, DeviationBound);
            }
        }
    }
}
