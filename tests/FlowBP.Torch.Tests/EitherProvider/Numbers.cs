namespace FlowBP.Torch.Tests;

/// <summary>Comparisons with numbers in double.</summary>
internal static class Numbers
{
    /// <summary>Every element, relative to max(1, |expected|).</summary>
    public static void Are(double[] expected, Tensor actual, double tolerance = 1e-12)
    {
        using var wide = actual.detach().to(torch.float64).contiguous();
        var found = wide.data<double>().ToArray();
        Assert.That(found, Has.Length.EqualTo(expected.Length));
        for (var i = 0; i < found.Length; i++)
        {
            Assert.That(
                found[i],
                Is.EqualTo(expected[i]).Within(tolerance * Math.Max(1, Math.Abs(expected[i]))),
                $"element {i}"
            );
        }
    }

    /// <summary>The same with numbers that were tensors.</summary>
    public static void Are(double[] expected, double[] actual, double tolerance)
    {
        using var tensor = torch.tensor(actual);
        Are(expected, tensor, tolerance);
    }

    /// <summary>Numbers in float64 without a pattern that matters, the same in every run.</summary>
    public static Tensor Wave(long[] shape, int seed)
    {
        var count = shape.Aggregate(1L, (product, size) => product * size);
        return torch
            .tensor([.. Enumerable.Range(0, (int)count).Select(i => Math.Sin(1.7 * i + seed * seed + 0.3))])
            .reshape(shape)
            .detach();
    }

    /// <summary>The elements of a tensor.</summary>
    public static double[] Of(Tensor tensor)
    {
        using var wide = tensor.detach().to(torch.float64).contiguous();
        return [.. wide.data<double>().ToArray()];
    }
}
