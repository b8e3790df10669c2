// Collects the disagreement between computed and reference numbers. Errors are relative to the largest magnitude of the
// reference tensor. Some gradients are zero in exact arithmetic (a bias before a softmax over its own axis) and consist
// of rounding alone; for them the yardstick is a thousandth of the largest gradient of the network.

namespace FlowBP.Models.Verification;

internal sealed class Comparison
{
    private const double NoiseFraction = 1e-3;

    public double WorstError { get; private set; }

    public string WorstName { get; private set; } = "";

    public int Count { get; private set; }

    /// <summary>Compares two tensors of any floating-point or integer type.</summary>
    /// <param name="name">Names the pair in the report.</param>
    /// <param name="actual">What was computed.</param>
    /// <param name="expected">The reference.</param>
    /// <param name="yardstick">Lower bound of the magnitude that errors are relative to.</param>
    public void Add(string name, Tensor actual, Tensor expected, double yardstick = 0)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
        {
            string found = string.Join(", ", actual.shape);
            string wanted = string.Join(", ", expected.shape);
            AddError($"{name} (shape [{found}], expected [{wanted}])", double.PositiveInfinity);
            return;
        }
        Tensor reference = expected.to_type(ScalarType.Float64);
        double difference = (actual.to_type(ScalarType.Float64) - reference).abs().max().item<double>();
        AddRelative(name, difference, Math.Max(reference.abs().max().item<double>(), yardstick));
    }

    /// <summary>Compares two numbers.</summary>
    public void Add(string name, double actual, double expected, double yardstick) =>
        AddRelative(name, Math.Abs(actual - expected), Math.Max(Math.Abs(expected), yardstick));

    /// <summary>Smallest magnitude that gradients are compared at, from the largest one.</summary>
    public static double GradientYardstick(double largest) => NoiseFraction * largest;

    private void AddRelative(string name, double difference, double magnitude) =>
        AddError(name, difference == 0 ? 0 : difference / magnitude);

    private void AddError(string name, double error)
    {
        Count++;
        if (double.IsNaN(error))
        {
            error = double.PositiveInfinity;
        }
        if (WorstName.Length == 0 || error > WorstError)
        {
            (WorstError, WorstName) = (error, name);
        }
    }
}
