// Connector methods trust their surrogate only where it predicts well. The similarity weight says so softly, this hard.

using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Largest deviations that a sample may have and still enter the loss; null: any.</summary>
/// <param name="MaxSplitDeviation">Bound of δ_j.</param>
/// <param name="MaxEndDeviation">Bound of δ_N.</param>
public readonly record struct TrajectoryFilter(
    [property: Setting("leave out samples that deviate more at the split", 0, Name = "traj_filter_dj_max")]
        double? MaxSplitDeviation,
    [property: Setting("leave out samples that deviate more at the end", 0, Name = "traj_filter_d0_max")]
        double? MaxEndDeviation
)
{
    /// <summary>Keeps every sample.</summary>
    public static TrajectoryFilter None => default;

    /// <summary>Whether a leap's deviation is within bounds.</summary>
    /// <param name="deviation">δ of the leap.</param>
    /// <param name="isEnd">Whether the leap predicts x_N.</param>
    public bool Keeps(double deviation, bool isEnd) => !(deviation > (isEnd ? MaxEndDeviation : MaxSplitDeviation));
}
