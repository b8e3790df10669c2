// What the surrogate knows about its own faithfulness before the reward is asked: how far its predictions are from the
// cached states. It weighs the samples, and its spikes announce collapse.

namespace FlowBP.Surrogates;

/// <summary>Deviations and weights of the samples of a batch. All arrays have B entries.</summary>
public sealed record TrajectoryWeights
{
    /// <summary>w_b: constants in the loss.</summary>
    public required double[] Weights { get; init; }

    /// <summary>Whether the trajectory filter keeps the sample.</summary>
    public required bool[] Keep { get; init; }

    /// <summary>
    /// δ_j, mean absolute deviation at the split, over all latent elements; null for plans without a split prediction.
    /// </summary>
    public double[]? SplitDeviation { get; init; }

    /// <summary>δ_N, mean absolute deviation at the end; null for plans that predict no end.</summary>
    public double[]? EndDeviation { get; init; }

    /// <summary>
    /// <c>mean|x̂_N − x_N|</c> of plans whose prediction is an Euler replay: zero up to rounding, or the cache and the
    /// schedule disagree. Null for other plans.
    /// </summary>
    public double[]? ReconstructionError { get; init; }

    /// <summary>How many samples the filter keeps.</summary>
    public int Kept => Keep.Count(keep => keep);
}
