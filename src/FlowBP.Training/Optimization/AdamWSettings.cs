using FlowBP.Settings;

namespace FlowBP.Training.Optimization;

/// <summary>The numbers of AdamW (Loshchilov and Hutter 2019) and of the moving average.</summary>
public sealed record AdamWSettings
{
    /// <summary>The complement, by which new values are multiplied and a sum divided, stays above zero in single precision.</summary>
    public const double LargestDecay = 0.9999999;

    // A gradient that is zero divides zero by it.
    private const double SmallestEpsilon = 1e-30;

    /// <summary>Learning rate.</summary>
    [Setting("learning rate of AdamW", 0, SettingAttribute.LargestFactor)]
    public double LearningRate { get; init; } = 1e-5;

    /// <summary>Decay of the first moment.</summary>
    [Setting("decay of the first moment", 0, LargestDecay, Name = "adam_beta1")]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    [Setting("decay of the second moment", 0, LargestDecay, Name = "adam_beta2")]
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator.</summary>
    [Setting("added to the denominator", SmallestEpsilon, 1, Name = "adam_epsilon")]
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay.</summary>
    [Setting("decoupled weight decay", 0, SettingAttribute.LargestFactor)]
    public double WeightDecay { get; init; } = 1e-4;

    /// <summary>Largest norm of all gradients together; larger ones are scaled down to it.</summary>
    [Setting("largest norm of the gradient; larger ones are scaled down", double.Epsilon)]
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>Decay of the moving average of the weights; null keeps none.</summary>
    public double? EmaDecay { get; init; } = 0.995;
}
