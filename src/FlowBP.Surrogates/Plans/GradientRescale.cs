// A few steps stand for many. The shared rule makes up for the weight that is missing.

namespace FlowBP.Surrogates;

/// <summary>The gradient rescaling rule that all methods share (docs/methods.md §2).</summary>
public static class GradientRescale
{
    private const double SmallestActiveWeight = 1e-8;

    /// <summary>
    /// <c>γ = 1 + ρ·(Σ_Ω|w| / Σ_A|w| − 1)</c>; 1 where the active weight is (next to) nothing.
    /// </summary>
    /// <param name="strength">ρ ≥ 0; 1 is the paper's rule, 0 switches it off.</param>
    /// <param name="total">Σ_Ω|w|, over the range.</param>
    /// <param name="active">Σ_A|w|, over the active steps.</param>
    public static double Factor(double strength, double total, double active)
    {
        if (!(strength >= 0))
        {
            throw new ArgumentOutOfRangeException(nameof(strength), strength, "grad_rescale must not be negative");
        }
        return strength > 0 && active > SmallestActiveWeight ? 1 + (strength * ((total / active) - 1)) : 1;
    }
}

/// <summary>What one factor γ of a split surrogate spans (<c>grad_rescale_range</c>).</summary>
public enum RescaleRange
{
    /// <summary>The whole window, the split's own step included: what the released code does.</summary>
    Window,

    /// <summary>
    /// Each side of the split by itself, and only the steps that are not the split's: what the paper says.
    /// </summary>
    Segments,
}
