namespace FlowBP.Verification;

/// <summary>Two arrays that were compared element by element.</summary>
/// <param name="Name">Names the pair in the report.</param>
/// <param name="Actual">What was computed.</param>
/// <param name="Expected">The reference.</param>
/// <param name="Yardstick">Lower bound of the magnitude that errors are relative to.</param>
public sealed record ComparedNumbers(
    string Name,
    IReadOnlyList<double> Actual,
    IReadOnlyList<double> Expected,
    double Yardstick
);

/// <summary>Largest relative errors against a computation in float64.</summary>
/// <param name="Computed">Of what this machine computed in the fixture's own precision.</param>
/// <param name="ComputedWhere">The pair that has it.</param>
/// <param name="Recorded">Of what the fixture recorded.</param>
/// <param name="RecordedWhere">The pair that has it.</param>
public sealed record WideErrors(double Computed, string ComputedWhere, double Recorded, string RecordedWhere);
