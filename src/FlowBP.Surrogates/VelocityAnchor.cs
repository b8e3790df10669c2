// What holds a network near the one that it was before training. Rewards are raised most cheaply by velocities that are too long
// (their norm grows by 5 to 15 % under reinforcement) or that leave what the base model paints; both are seen, and pulled back, at
// the active steps alone, whose states are constants.
// Definitions and ideas: docs/methods.md §7; NormGuard, arXiv 2606.27771.

using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>
/// The anchor of a velocity field to a reference at the active steps S of each of n samples, with K = n·|S| and D elements of a latent:
/// <c>λ₂/K Σ mean_D (v − v_ref)² + λ_h/K Σ max(0, ‖v‖/‖v_ref‖ − 1 − margin)^p</c>. Where samples have numbers of active steps of their
/// own, each sample is the mean over its own. No factor of the reward's loss applies.
/// </summary>
/// <param name="Weight">λ₂; 0: off.</param>
/// <param name="NormHingeWeight">λ_h; 0: off.</param>
/// <param name="NormHingeMargin">The share that a norm may grow by.</param>
/// <param name="NormHingePower">p, 1 or 2.</param>
/// <param name="Compare">Whether the reference is asked for although both weights are 0.</param>
/// <param name="GradientDivisor">
/// Divides the gradient but not the reported loss, as <see cref="HingeLoss.GradientDivisor"/> does.
/// </param>
public sealed record VelocityAnchor(
    [property: Setting(
        "weight of the mean squared distance of velocities to the base model's, at the active steps; 0 off",
        0,
        SettingAttribute.LargestFactor,
        Name = "anchor_weight"
    )]
        double Weight = 0,
    [property: Setting(
        "weight of the hinge on the norms of velocities over the base model's, at the active steps; 0 off",
        0,
        SettingAttribute.LargestFactor
    )]
        double NormHingeWeight = 0,
    [property: Setting(
        "share by which a velocity's norm may exceed the base model's",
        0,
        SettingAttribute.LargestFactor
    )]
        double NormHingeMargin = 0.02,
    [property: Setting("power of the hinge on norms", Choices = ["1", 1, "2", 2])] int NormHingePower = 1,
    [property: Setting(
        "also without an anchor, evaluate the base model at the active steps and log how far velocities are from its",
        Name = "compare_to_base"
    )]
        bool Compare = false,
    double GradientDivisor = 1
)
{
    /// <summary>Whether there is nothing to pull.</summary>
    public bool IsOff => Weight == 0 && NormHingeWeight == 0;

    /// <summary>Whether a reference is needed, to pull or to compare.</summary>
    public bool NeedsReference => !IsOff || Compare;

    /// <summary>Refuses settings whose gradient is decided by rounding.</summary>
    /// <exception cref="InvalidSettingException">
    /// A hinge with a kink where v = v_ref: before the first update the ratio of norms is 1 up to rounding there, on either side.
    /// </exception>
    public void Check()
    {
        if (NormHingeWeight > 0 && NormHingeMargin == 0 && NormHingePower == 1)
        {
            throw new InvalidSettingException(
                "norm_hinge_margin 0 with norm_hinge_power 1 has a gradient that is on or off by rounding where the model is the base"
                    + " model, as it is before the first update: set norm_hinge_margin above 0 (0.02), or norm_hinge_power to 2"
            );
        }
    }

    /// <summary>The hinge on one ratio of norms, <c>max(0, ratio − 1 − margin)^p</c>, without its weight.</summary>
    /// <param name="ratio">‖v‖/‖v_ref‖.</param>
    public double NormHinge(double ratio) => Power(Excess(ratio), NormHingePower);

    /// <summary>What v − v_ref is multiplied with in the cotangent of v: <c>2 λ₂ / (D K)</c> over the divisor.</summary>
    /// <param name="elements">D.</param>
    /// <param name="pairs">K.</param>
    public double DifferenceFactor(long elements, double pairs) => 2 * Weight / (elements * pairs) / GradientDivisor;

    /// <summary>
    /// What v is multiplied with in the cotangent of v: <c>λ_h/K · p·u^(p−1) / (‖v‖ ‖v_ref‖)</c> over the divisor, u the excess of the
    /// ratio over 1 + margin; 0 where there is none.
    /// </summary>
    /// <param name="norm">‖v‖.</param>
    /// <param name="reference">‖v_ref‖.</param>
    /// <param name="pairs">K.</param>
    public double NormFactor(double norm, double reference, double pairs) =>
        NormHingeWeight > 0 && Excess(norm / reference) is > 0 and var excess
            ? NormHingeWeight
                / pairs
                * NormHingePower
                * Power(excess, NormHingePower - 1)
                / (norm * reference)
                / GradientDivisor
            : 0;

    private double Excess(double ratio) => Math.Max(0, ratio - 1 - NormHingeMargin);

    private static double Power(double value, int power) =>
        power switch
        {
            0 => 1,
            1 => value,
            2 => value * value,
            _ => throw new ArgumentOutOfRangeException(nameof(power), power, "the hinge on norms has power 1 or 2"),
        };
}
