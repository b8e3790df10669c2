// Collects the disagreement between computed and reference numbers. Errors are relative to the largest magnitude of the
// reference, because the elements of one array share their rounding. Two kinds of reference have no magnitude to speak of:
// those that are zero in exact arithmetic and consist of rounding alone (a bias before a softmax over its own axis; the
// deviation of an exact replay), and those of a batch that was filtered out entirely. A yardstick serves the former where
// their neighbours have one; what is negligible is compared absolutely.

namespace FlowBP.Verification;

/// <summary>The worst disagreement of a fixture, and where it is.</summary>
/// <param name="tolerance">Largest error that passes.</param>
/// <param name="negligible">
/// References whose largest magnitude is not above this are compared absolutely; at 0 a reference of zeros must be met
/// exactly.
/// </param>
public sealed class Comparison(double tolerance, double negligible = 0)
{
    private const double NoiseFraction = 1e-3;

    private readonly List<ComparedNumbers> pairs = [];

    private double worst;
    private string where = "found nothing to compare";

    /// <summary>How many arrays have been compared.</summary>
    public int Count { get; private set; }

    /// <summary>Whether what is compared is kept, element by element, for <see cref="Against"/>.</summary>
    public bool Keeps { get; init; }

    /// <summary>Compares a tensor with a reference of the same shape, of any numeric type.</summary>
    /// <param name="name">Names the pair in the report.</param>
    /// <param name="actual">What was computed.</param>
    /// <param name="expected">The reference.</param>
    /// <param name="yardstick">Lower bound of the magnitude that errors are relative to.</param>
    public void Tensors(string name, Tensor actual, Tensor expected, double yardstick = 0)
    {
        if (HaveSameShape(name, actual, expected))
        {
            Numbers(name, Values(actual), Values(expected), yardstick: yardstick);
        }
    }

    /// <summary>Compares arrays of numbers.</summary>
    /// <param name="name">Names the pair in the report.</param>
    /// <param name="actual">What was computed.</param>
    /// <param name="expected">The reference.</param>
    /// <param name="allowance">Relative error that the reference itself is known to have; it is not counted.</param>
    /// <param name="yardstick">Lower bound of the magnitude that errors are relative to.</param>
    public void Numbers(
        string name,
        IReadOnlyList<double> actual,
        IReadOnlyList<double> expected,
        double allowance = 0,
        double yardstick = 0
    )
    {
        if (actual.Count != expected.Count)
        {
            Note($"{name}: {actual.Count} numbers, expected {expected.Count}", double.PositiveInfinity);
            return;
        }
        if (Keeps)
        {
            pairs.Add(new(name, actual, expected, yardstick));
        }
        var (difference, magnitude) = Distance(actual, expected, yardstick);
        Note(name, Math.Max(0, Relative(difference, magnitude) - allowance));
    }

    // The largest difference, and the reference's largest magnitude.
    private static (double Difference, double Magnitude) Distance(
        IReadOnlyList<double> actual,
        IReadOnlyList<double> expected,
        double yardstick
    )
    {
        var difference = 0.0;
        var magnitude = yardstick;
        for (var i = 0; i < actual.Count; i++)
        {
            difference = Larger(difference, Math.Abs(actual[i] - expected[i]));
            magnitude = Larger(magnitude, Math.Abs(expected[i]));
        }
        return (difference, magnitude);
    }

    /// <summary>
    /// The errors of what was computed and of what was recorded, both against the same computation in float64. It tells whose the
    /// larger part of a disagreement is.
    /// </summary>
    /// <param name="wide">The comparison of that computation, with the same pairs.</param>
    /// <exception cref="ArgumentException">The pairs are others, or were not kept.</exception>
    public WideErrors Against(Comparison wide)
    {
        if (pairs.Count == 0 || !pairs.Select(pair => pair.Name).SequenceEqual(wide.pairs.Select(pair => pair.Name)))
        {
            throw new ArgumentException("the two computations compared other numbers", nameof(wide));
        }
        var computed = new Comparison(tolerance, negligible);
        var recorded = new Comparison(tolerance, negligible);
        foreach (var (pair, reference) in pairs.Zip(wide.pairs))
        {
            computed.Numbers(pair.Name, pair.Actual, reference.Actual, yardstick: pair.Yardstick);
            recorded.Numbers(pair.Name, pair.Expected, reference.Actual, yardstick: pair.Yardstick);
        }
        return new(computed.worst, computed.where, recorded.worst, recorded.where);
    }

    /// <summary>
    /// Compares a tensor with a reference of the same shape by the Euclidean norm of their difference, relative to the
    /// reference's: for gradients of deep networks, whose single elements may be sums that nearly cancel.
    /// </summary>
    /// <param name="name">Names the pair in the report.</param>
    /// <param name="actual">What was computed.</param>
    /// <param name="expected">The reference.</param>
    /// <param name="yardstick">Lower bound of the norm that the error is relative to.</param>
    public void Norms(string name, Tensor actual, Tensor expected, double yardstick = 0)
    {
        if (HaveSameShape(name, actual, expected))
        {
            var reference = Values(expected);
            double[] difference = [.. Values(actual).Zip(reference, (a, e) => a - e)];
            Note(name, Relative(Norm(difference), Math.Max(Norm(reference), yardstick)));
        }
    }

    /// <summary>Compares numbers that have no rounding, such as indices.</summary>
    /// <param name="name">Names the pair in the report.</param>
    /// <param name="actual">What was computed.</param>
    /// <param name="expected">The reference.</param>
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

    /// <summary>A test statistic against its bound: within it there is no error, beyond it no tolerance.</summary>
    /// <param name="name">Names the statistic in the report.</param>
    /// <param name="value">The statistic.</param>
    /// <param name="bound">Its largest value that passes.</param>
    public void Statistic(string name, double value, double bound) =>
        Note($"{name}: {value:g4}, bound {bound:g4}", value <= bound ? 0 : double.PositiveInfinity);

    /// <summary>What the comparisons came to; a fixture that compared nothing has failed.</summary>
    /// <param name="name">Name of the fixture.</param>
    public FixtureResult Result(string name) =>
        new(
            name,
            Count > 0 && worst <= tolerance ? FixtureOutcome.Passed : FixtureOutcome.Failed,
            Count > 0 ? worst : double.NaN,
            tolerance,
            where
        );

    /// <summary>All elements as doubles, row-major.</summary>
    /// <param name="tensor">Any shape, any numeric type.</param>
    public static double[] Values(Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        return tensor.detach().to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
    }

    /// <summary>The Euclidean norm.</summary>
    /// <param name="values">The numbers.</param>
    public static double Norm(IEnumerable<double> values) => Math.Sqrt(values.Sum(value => value * value));

    /// <summary>
    /// The smallest magnitude that the gradients of a network are compared at: those that are zero in exact arithmetic
    /// hold rounding of the others' size.
    /// </summary>
    /// <param name="largest">The largest magnitude among the network's gradients.</param>
    public static double GradientYardstick(double largest) => NoiseFraction * largest;

    private bool HaveSameShape(string name, Tensor actual, Tensor expected)
    {
        if (actual.shape.AsSpan().SequenceEqual(expected.shape))
        {
            return true;
        }
        var found = string.Join(", ", actual.shape);
        Note($"{name}: shape [{found}], expected [{string.Join(", ", expected.shape)}]", double.PositiveInfinity);
        return false;
    }

    private double Relative(double difference, double magnitude) =>
        difference == 0 ? 0
        : magnitude > negligible ? difference / magnitude
        : negligible > 0 ? difference
        : double.PositiveInfinity;

    // Math.Max would let a NaN in the reference through as a NaN, which no tolerance refuses.
    private static double Larger(double one, double other) =>
        double.IsNaN(other) ? double.PositiveInfinity : Math.Max(one, other);

    private void Note(string name, double error)
    {
        if (double.IsNaN(error))
        {
            error = double.PositiveInfinity;
        }
        if (Count++ == 0 || error > worst)
        {
            (worst, where) = (error, name);
        }
    }
}
