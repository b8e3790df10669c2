namespace FlowBP.Surrogates;

/// <summary>The loss of the rows of a batch: hinge, smoothing, and the weights of the samples.</summary>
/// <param name="Hinge">The loss of one image.</param>
/// <param name="Smoothing">What becomes of several copies.</param>
/// <param name="Weights">The samples' weights; those that are filtered out have no loss.</param>
internal sealed record SmoothedHinge(HingeLoss Hinge, RewardSmoothing Smoothing, TrajectoryWeights Weights)
{
    /// <summary>The part of one row in the loss; n is 0 where no sample is kept.</summary>
    public double Value(double[] scores, int sample, double n) =>
        Weights.Keep[sample] ? Smoothing.Value(Hinge, scores, Weights.Weights[sample]) / n : 0;

    /// <summary>See <see cref="RewardSmoothing.Derivative"/>.</summary>
    public double Derivative(double score, int sample, double n) =>
        Weights.Keep[sample] ? Smoothing.Derivative(Hinge, score, Weights.Weights[sample], n) : 0;

    /// <summary>See <see cref="RewardSmoothing.IsPast"/>.</summary>
    public bool IsPast(double[] scores) => Smoothing.IsPast(Hinge, scores.Average());
}
