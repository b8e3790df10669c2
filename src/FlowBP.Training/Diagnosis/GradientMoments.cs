// Mean and variance of gradients that can't all be kept: only sums are. They are sums of differences to the first gradient, which
// lose no digits where the gradients are alike, and are exactly zero where they are the same.

namespace FlowBP.Training.Diagnosis;

/// <summary>What the gradients of one draw of prompts and noise, over several draws of indices, come to.</summary>
/// <param name="Cosine">Mean cosine to the reference, of those that are not zero; NaN: all are.</param>
/// <param name="NormRatio">Mean norm over the reference's.</param>
/// <param name="MeanDot">Inner product of the mean gradient and the reference.</param>
/// <param name="MeanSquared">
/// The squared norm of the gradient's expectation, without bias: the squared norm of the mean, less a share 1/R of the variance.
/// </param>
/// <param name="Variance">E|g − E g|² over draws of indices, without bias (divided by R − 1).</param>
/// <param name="ReferenceSquared">The reference's squared norm.</param>
/// <param name="Zeros">How many gradients were zero.</param>
internal readonly record struct DrawFigures(
    double Cosine,
    double NormRatio,
    double MeanDot,
    double MeanSquared,
    double Variance,
    double ReferenceSquared,
    int Zeros
);

/// <summary>Gathers gradients of the same prompts and noise.</summary>
/// <param name="reference">What they are compared with; not zero.</param>
internal sealed class GradientMoments(FlatGradient reference)
{
    private readonly double referenceSquared = reference.SquaredNorm();
    private readonly List<double> cosines = [];
    private readonly List<double> ratios = [];
    private readonly double[]?[] differences = new double[]?[reference.Count];
    private FlatGradient? first;
    private double squaredDifferences;
    private int zeros;

    /// <summary>Adds a gradient.</summary>
    /// <param name="gradient">
    /// It stays the caller's. The first is needed until <see cref="Figures"/>; given again, it counts again.
    /// </param>
    public void Add(FlatGradient gradient)
    {
        var squared = gradient.SquaredNorm();
        ratios.Add(Math.Sqrt(squared / referenceSquared));
        if (squared == 0)
        {
            zeros++;
        }
        else
        {
            // The root of a product of equal numbers is that number: a gradient's cosine to itself is 1 to the bit.
            cosines.Add(gradient.Dot(reference) / Math.Sqrt(squared * referenceSquared));
        }
        if (first is null)
        {
            first = gradient;
        }
        else if (!ReferenceEquals(first, gradient))
        {
            AddDifference(gradient);
        }
    }

    /// <summary>What they come to.</summary>
    /// <exception cref="InvalidOperationException">There are fewer than two.</exception>
    public DrawFigures Figures()
    {
        var count = ratios.Count;
        if (first is null || count < 2)
        {
            throw new InvalidOperationException($"a variance needs two gradients, found {count}");
        }
        var (dot, squared, squaredSum) = (0.0, 0.0, 0.0);
        for (var i = 0; i < differences.Length; i++)
        {
            var from = first.Values(i);
            var to = reference.Values(i);
            var sums = differences[i];
            for (var k = 0; k < Math.Max(from.Length, sums?.Length ?? 0); k++)
            {
                var sum = sums is null ? 0 : sums[k];
                var mean = (from.IsEmpty ? 0 : from[k]) + sum / count;
                dot += mean * (to.IsEmpty ? 0 : to[k]);
                squared += mean * mean;
                squaredSum += sum * sum;
            }
        }
        var variance = (squaredDifferences - squaredSum / count) / (count - 1);
        return new(
            cosines.Count == 0 ? double.NaN : cosines.Average(),
            ratios.Average(),
            dot,
            squared - variance / count,
            variance,
            referenceSquared,
            zeros
        );
    }

    private void AddDifference(FlatGradient gradient)
    {
        for (var i = 0; i < differences.Length; i++)
        {
            var a = gradient.Values(i);
            var b = first!.Values(i);
            if (a.IsEmpty && b.IsEmpty)
            {
                continue;
            }
            var sums = differences[i] ??= new double[Math.Max(a.Length, b.Length)];
            for (var k = 0; k < sums.Length; k++)
            {
                var difference = (double)(a.IsEmpty ? 0 : a[k]) - (b.IsEmpty ? 0 : b[k]);
                sums[k] += difference;
                squaredDifferences += difference * difference;
            }
        }
    }
}
