namespace FlowBP.Training.Rewards;

/// <summary>What several rewards said of the pictures of a training step.</summary>
/// <param name="Scores">Mean score of each, without its weight, by name.</param>
/// <param name="Cosines">
/// Mean cosine of each two rewards' gradients at the picture, by <c>name|name</c>: below 0 they pull apart. Empty where there is one
/// reward, or where gradients are zero.
/// </param>
public sealed record RewardCurves(
    IReadOnlyDictionary<string, double> Scores,
    IReadOnlyDictionary<string, double> Cosines
)
{
    /// <summary>The curves of an update that was computed in parts: means over the samples.</summary>
    /// <param name="parts">Curves and a number of samples for each part, at least one part.</param>
    public static RewardCurves Joined(IReadOnlyList<(RewardCurves Curves, int Samples)> parts) =>
        parts is [var only]
            ? only.Curves
            : new(Mean(parts, curves => curves.Scores), Mean(parts, curves => curves.Cosines));

    // By name, over the parts that have it: a part whose gradients are zero has no cosine.
    private static Dictionary<string, double> Mean(
        IReadOnlyList<(RewardCurves Curves, int Samples)> parts,
        Func<RewardCurves, IReadOnlyDictionary<string, double>> of
    ) =>
        parts
            .SelectMany(part => of(part.Curves).Select(pair => (pair.Key, pair.Value, part.Samples)))
            .GroupBy(each => each.Key)
            .ToDictionary(
                group => group.Key,
                group => group.Sum(each => each.Value * each.Samples) / group.Sum(each => each.Samples)
            );
}
