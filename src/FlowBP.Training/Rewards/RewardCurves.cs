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
);
