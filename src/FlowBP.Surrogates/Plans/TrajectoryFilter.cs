// Connector methods trust their surrogate only where it predicts well. The similarity weight says so softly, this hard.

namespace FlowBP.Surrogates;

/// <summary>Largest deviations that a sample may have and still enter the loss; null: any.</summary>
/// <param name="MaxSplitDeviation">Bound of δ_j, <c>traj_filter_dj_max</c>.</param>
/// <param name="MaxEndDeviation">Bound of δ_N, <c>traj_filter_d0_max</c>.</param>
public readonly record struct TrajectoryFilter(double? MaxSplitDeviation, double? MaxEndDeviation)
{
    /// <summary>Keeps every sample.</summary>
    public static TrajectoryFilter None => default;

    /// <summary>Whether a leap's deviation is within bounds.</summary>
    /// <param name="deviation">δ of the leap.</param>
    /// <param name="isEnd">Whether the leap predicts x_N.</param>
    public bool Keeps(double deviation, bool isEnd) => !(deviation > (isEnd ? MaxEndDeviation : MaxSplitDeviation));
}
