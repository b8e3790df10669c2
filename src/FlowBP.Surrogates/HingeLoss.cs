// The loss of every method: a hinge, so that samples that are already good enough stop pulling.

using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>
/// <c>L = (1/n) Σ_b w_b · scale · max(0, λ − r_b)</c> over the n rows that are kept (docs/methods.md §2).
/// </summary>
/// <param name="Threshold">λ, in units of the reward: 0.55 for HPSv2.1.</param>
/// <param name="Scale">Factor of loss and gradient.</param>
/// <param name="GradientDivisor">
/// Divides the gradient but not the reported loss: the guidance scale under <c>cfg_grad_norm_compensate</c>.
/// </param>
public sealed record HingeLoss(
    [property: Setting(
        "reward above which a sample stops pulling",
        -SettingAttribute.LargestFactor,
        SettingAttribute.LargestFactor,
        Name = "hinge_lambda",
        Aliases = ["loss_relu_clip"]
    )]
        double Threshold = 0.55,
    [property: Setting("factor of loss and gradient", 0, SettingAttribute.LargestFactor, Name = "loss_grad_scale")]
        double Scale = 1,
    double GradientDivisor = 1
)
{
    /// <summary>The summand of one row, before division by n.</summary>
    /// <param name="score">r.</param>
    /// <param name="weight">w.</param>
    public double Value(double score, double weight) => weight * Scale * Math.Max(0, Threshold - score);

    /// <summary>Derivative of the loss with respect to the row's score; 0 at and above the threshold.</summary>
    /// <param name="score">r.</param>
    /// <param name="weight">w.</param>
    /// <param name="count">n, over all ranks and accumulation steps that are averaged into this loss.</param>
    public double Derivative(double score, double weight, double count) =>
        score < Threshold ? -weight * Scale / (count * GradientDivisor) : 0;
}
