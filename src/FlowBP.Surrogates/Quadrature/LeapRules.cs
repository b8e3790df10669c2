// Supports and weights together make a leap. Each rule is one line here; a new one is another.

namespace FlowBP.Surrogates;

/// <summary>How a leap is integrated (<c>weight_scheme</c>).</summary>
public enum LeapRule
{
    /// <summary>Lagrange weights on supports inside the leap.</summary>
    Lagrange,

    /// <summary>
    /// Lagrange weights of the highest order, up to the given one, at which none has the wrong sign. (Supports exclude
    /// the target, so higher orders can have such weights: docs/methods.md §6.) Order 1, an Euler step, always qualifies.
    /// </summary>
    LagrangePositive,

    /// <summary>Equal weights on supports inside the leap.</summary>
    Uniform,

    /// <summary>Lagrange weights on supports that end at the anchor: an extrapolating Adams–Bashforth rule.</summary>
    AdamsBashforth,
}

/// <summary>Builds leaps.</summary>
public static class LeapRules
{
    /// <summary>The leap from one step to another, by a rule.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="start">Anchor a.</param>
    /// <param name="target">b, after a.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="order">Largest number of supports.</param>
    public static Leap Integrate(NoiseSchedule schedule, int start, int target, LeapRule rule, int order) =>
        rule switch
        {
            LeapRule.Lagrange => Lagrange(schedule, start, target, Supports.Interior(start, target, order)),
            LeapRule.LagrangePositive => Enumerable
                .Range(1, Math.Max(1, order))
                .Reverse()
                .Select(lower => Lagrange(schedule, start, target, Supports.Interior(start, target, lower)))
                .First(leap => !leap.HasWrongSign),
            LeapRule.Uniform => Uniform(schedule, start, target, Supports.Interior(start, target, order)),
            LeapRule.AdamsBashforth => Lagrange(schedule, start, target, Supports.Trailing(start, order)),
            _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "not a leap rule"),
        };

    private static Leap Lagrange(NoiseSchedule schedule, int start, int target, int[] supports)
    {
        var (from, to) = (schedule.Sigmas[start], schedule.Sigmas[target]);
        var nodes = supports.Select(step => schedule.Sigmas[step]).ToArray();
        return new(start, target, supports, Quadrature.Lagrange(nodes, from, to)) { Interval = to - from };
    }

    private static Leap Uniform(NoiseSchedule schedule, int start, int target, int[] supports)
    {
        var (from, to) = (schedule.Sigmas[start], schedule.Sigmas[target]);
        return new(start, target, supports, Quadrature.Uniform(supports.Length, from, to)) { Interval = to - from };
    }
}
