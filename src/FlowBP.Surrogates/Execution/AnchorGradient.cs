// What the comparison with a reference leaves behind: numbers per pair of a step and a sample, and a cotangent for each pair that the
// anchor pulls.
// Shape legend: P pairs of an active step and a sample, by step and then by sample, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>An active step of a sample.</summary>
/// <param name="Step">i.</param>
/// <param name="Sample">Index in the batch.</param>
public readonly record struct ActivePair(int Step, int Sample);

/// <summary>
/// The velocities at the active steps of a rollout beside a reference's, and the cotangents that the anchor gives them. Owns its
/// tensors.
/// </summary>
public sealed class AnchorGradient : IDisposable
{
    private readonly Dictionary<ActivePair, int> rows;
    private readonly double[] squaredNorms;

    /// <summary>Takes ownership of the cotangents.</summary>
    /// <param name="pairs">Steps and samples, by step and then by sample.</param>
    /// <param name="cotangent_P">See <see cref="Cotangent_P"/>.</param>
    /// <param name="squaredNorms">‖·‖² of each cotangent; 0: it takes no product.</param>
    internal AnchorGradient(IReadOnlyList<ActivePair> pairs, Tensor? cotangent_P, double[] squaredNorms)
    {
        Pairs = pairs;
        Cotangent_P = cotangent_P;
        this.squaredNorms = squaredNorms;
        rows = pairs.Select((pair, row) => (pair, row)).ToDictionary(each => each.pair, each => each.row);
    }

    /// <summary>The pairs, by step and then by sample.</summary>
    public IReadOnlyList<ActivePair> Pairs { get; }

    /// <summary>
    /// The cotangent of v at each pair [P, …], Float32 or Float64, with the gradient divisor applied; null: the anchor is off.
    /// </summary>
    public Tensor? Cotangent_P { get; }

    /// <summary>mean_D (v − v_ref)² of each pair.</summary>
    public required double[] SquaredDifferences { get; init; }

    /// <summary>‖v‖ of each pair.</summary>
    public required double[] Norms { get; init; }

    /// <summary>‖v_ref‖ of each pair.</summary>
    public required double[] ReferenceNorms { get; init; }

    /// <summary>The hinge on ‖v‖/‖v_ref‖ of each pair, without its weight.</summary>
    public required double[] NormHinges { get; init; }

    /// <summary>This process's part of the distance's loss, without the gradient divisor.</summary>
    public required double DistanceLoss { get; init; }

    /// <summary>This process's part of the norm hinge's loss, without the gradient divisor.</summary>
    public required double NormLoss { get; init; }

    /// <summary>Network evaluations of the reference.</summary>
    public required Evaluations Evaluations { get; init; }

    /// <summary>Both losses.</summary>
    public double Loss => DistanceLoss + NormLoss;

    /// <summary>‖v‖/‖v_ref‖ of each pair.</summary>
    public double[] NormRatios => [.. Norms.Zip(ReferenceNorms, AnchorMeasure.Ratio)];

    /// <summary>The row of a pair that the anchor pulls; null: it doesn't.</summary>
    internal int? RowOf(int step, int sample) =>
        Cotangent_P is not null && rows.TryGetValue(new(step, sample), out var row) && squaredNorms[row] > 0
            ? row
            : null;

    /// <inheritdoc/>
    public void Dispose() => Cotangent_P?.Dispose();
}
