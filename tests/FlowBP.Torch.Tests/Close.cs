// What the tests say about numbers and about leaks, in one place.
namespace FlowBP.Torch.Tests;

internal static class Close
{
    /// <summary>Compares with a reference in double, relative to max(1, |expected|).</summary>
    public static void To(double[] expected, Tensor actual, double tolerance = 1e-12)
    {
        using var wide = actual.detach().to(torch.float64);
        var found = wide.data<double>().ToArray();
        Assert.That(found, Has.Length.EqualTo(expected.Length), actual.Describe());
        for (var i = 0; i < found.Length; i++)
        {
            if (double.IsNaN(expected[i]) || double.IsInfinity(expected[i]))
            {
                Assert.That(found[i], Is.EqualTo(expected[i]), $"element {i} of {actual.Describe()}");
            }
            else
            {
                Assert.That(
                    found[i],
                    Is.EqualTo(expected[i]).Within(tolerance * Math.Max(1, Math.Abs(expected[i]))),
                    $"element {i} of {actual.Describe()}"
                );
            }
        }
    }

    public static void To(double expected, Tensor actual, double tolerance = 1e-12) =>
        To([expected], actual, tolerance);

    /// <summary>Numbers without pattern, the same in every run: −2 … 2.</summary>
    public static double[] Sample(int count, int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextDouble() * 4) - 2)];
    }

    public static Tensor SampleTensor(long[] shape, int seed = 1, bool requires_grad = false) =>
        torch.tensor(Sample((int)shape.Aggregate(1L, (a, b) => a * b), seed), shape, requires_grad: requires_grad);

    /// <summary>Handles that are left once the collector has freed whatever earlier tests forgot.</summary>
    public static long LiveHandles()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return NativeMemory.LiveHandles;
    }

    /// <summary>
    /// Central differences of a scalar function at every element of a point, for gradients. Their error is of the order
    /// of step² · f''' + 1e-16 / step: with step 1e-5 about 1e-10.
    /// </summary>
    public static double[] Differences(double[] point, Func<double[], double> function, double step = 1e-5)
    {
        var slopes = new double[point.Length];
        for (var i = 0; i < point.Length; i++)
        {
            double[] up = [.. point];
            double[] down = [.. point];
            up[i] += step;
            down[i] -= step;
            slopes[i] = (function(up) - function(down)) / (2 * step);
        }

        return slopes;
    }
}
