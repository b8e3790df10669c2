// Collects the disagreement between computed and reference numbers. Errors are relative to the largest magnitude of the
// reference array, or absolute where that is nothing but zeros (the gradient of a batch that was filtered out entirely).

namespace FlowBP.Surrogates.Verification;

/// <summary>The worst disagreement of a fixture, and where it is.</summary>
/// <param name="tolerance">Largest error that passes.</param>
internal sealed class Comparison(double tolerance)
{
    private const double Nothing = 1e-10;

    private double worst;
    private string where = "nothing compared";

    /// <summary>Compares arrays of numbers.</summary>
    /// <param name="name">Names them in the report.</param>
    /// <param name="actual">What was computed.</param>
    /// <param name="expected">The reference.</param>
    /// <param name="allowance">Relative error that the reference itself is known to have; it is not counted.</param>
    public void Numbers(string name, IReadOnlyList<double> actual, IReadOnlyList<double> expected, double allowance = 0)
    {
        if (actual.Count != expected.Count)
        {
            Note($"{name}: {actual.Count} numbers, expected {expected.Count}", double.PositiveInfinity);
            return;
        }
        var difference = 0.0;
        var magnitude = 0.0;
        for (var i = 0; i < actual.Count; i++)
        {
            var error = Math.Abs(actual[i] - expected[i]);
            difference = double.IsNaN(error) ? double.PositiveInfinity : Math.Max(difference, error);
            magnitude = Math.Max(magnitude, Math.Abs(expected[i]));
        }
        Note(name, Math.Max(0, (magnitude > Nothing ? difference / magnitude : difference) - allowance));
    }

    /// <summary>Compares a tensor with a reference of the same shape.</summary>
    public void Tensors(string name, Tensor actual, Tensor expected)
    {
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
        {
            var found = string.Join(", ", actual.shape);
            Note($"{name}: shape [{found}], expected [{string.Join(", ", expected.shape)}]", double.PositiveInfinity);
            return;
        }
        Numbers(name, Values(actual), Values(expected));
    }

    /// <summary>Compares numbers that have no rounding, such as indices.</summary>
    public void Exactly(string name, IEnumerable<int> actual, IEnumerable<int> expected)
    {
        var found = actual.ToArray();
        var wanted = expected.ToArray();
        var agree = found.AsSpan().SequenceEqual(wanted);
        Note(
            agree ? name : $"{name}: {string.Join(", ", found)}, expected {string.Join(", ", wanted)}",
            agree ? 0 : double.PositiveInfinity
        );
    }

    /// <summary>A test statistic against its bound, as a share of it scaled to the tolerance.</summary>
    public void Statistic(string name, double value, double bound) =>
        Note($"{name}: {value:g4}, bound {bound:g4}", value <= bound ? 0 : double.PositiveInfinity);

    /// <summary>What the comparisons came to.</summary>
    public FixtureResult Result(string name) =>
        new(name, worst <= tolerance ? FixtureOutcome.Passed : FixtureOutcome.Failed, worst, where);

    /// <summary>All elements as doubles, row-major.</summary>
    public static double[] Values(Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        return tensor.detach().to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
    }

    private void Note(string name, double error)
    {
        if (where == "nothing compared" || error > worst)
        {
            (worst, where) = (error, name);
        }
    }
}
