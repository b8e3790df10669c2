// FlowBP-Lagrange: two leaps like LeapAlign, but each integrates a polynomial through several cached velocities, so that
// the prediction it is pinned by is closer to the truth. With one support per leap it is LeapAlign.

using FlowBP.RandomStreams;
using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Settings of <see cref="LagrangePlanner"/>.</summary>
public sealed record LagrangeSettings
{
    /// <summary>α of the bridge at j.</summary>
    [Alpha]
    public double Alpha { get; init; } = 0.1;

    /// <summary>Floor τ of the similarity weights.</summary>
    [Tau]
    public double Tau { get; init; } = 0.2;

    /// <summary>Largest number of supports per leap.</summary>
    [Setting(
        "most velocities that a leap is integrated from; 1 is an Euler step",
        1,
        Name = "connector_order",
        Aliases = ["flowbp_lagrange_connector_order"]
    )]
    public int Order { get; init; } = 3;

    /// <summary>How the supports are weighted. As released, <c>adams_bashforth</c> is Lagrange's rule (docs/methods.md §6).</summary>
    [Setting(
        "weights of a leap; adams_bashforth equals lagrange, as released",
        Name = "weight_scheme",
        Aliases = ["flowbp_lagrange_weight_scheme"],
        Choices = [
            "lagrange",
            LeapRule.Lagrange,
            "lagrange_positive",
            LeapRule.LagrangePositive,
            "uniform",
            LeapRule.Uniform,
            "adams_bashforth",
            LeapRule.Lagrange,
            "adams_bashforth_extrapolating",
            LeapRule.AdamsBashforth,
        ]
    )]
    public LeapRule Rule { get; init; } = LeapRule.Lagrange;

    /// <summary>Which supports carry a gradient.</summary>
    [Setting(
        "which velocities of a leap carry a gradient",
        Name = "grad_support_mode",
        Aliases = ["flowbp_lagrange_grad_support_mode"]
    )]
    public SupportMode ActiveSupports { get; init; } = SupportMode.Midpoint;

    /// <summary>η, factor of the gradient at supports other than the anchor.</summary>
    [Setting(
        "scale of the gradient of supports other than the anchor",
        0,
        SettingAttribute.LargestFactor,
        Name = "grad_support_scale",
        Aliases = ["flowbp_lagrange_grad_support_scale"]
    )]
    public double SupportScale { get; init; } = 0.25;

    /// <summary>At most so many active supports per leap; null or 0: no limit.</summary>
    [Setting(
        "most active velocities per leap; none or 0: no limit",
        0,
        Aliases = ["flowbp_lagrange_max_active_supports"]
    )]
    public int? MaxActiveSupports { get; init; } = 2;

    /// <summary>ρ: a γ per leap, over its supports.</summary>
    [GradRescale(Aliases = ["flowbp_lagrange_grad_rescale"])]
    public double GradRescale { get; init; }

    /// <summary>a of the pre leap: <c>(1 − a)·Euler + a·quadrature</c>.</summary>
    [Setting(
        "blend of the first leap: 0 Euler, 1 quadrature",
        0,
        1,
        Name = "anchor_lambda",
        Aliases = ["flowbp_lagrange_anchor_lambda"]
    )]
    public double AnchorBlend { get; init; } = 1;

    /// <summary>Always true; the released configurations say so.</summary>
    [Setting("inactive velocities are constants; only true is possible", Aliases = ["flowbp_lagrange_detach_history"])]
    public bool DetachHistory { get; init; } = true;

    /// <summary>How k and j are drawn.</summary>
    [Settings]
    public LeapSampler Sampler { get; init; } = new() { Mode = LeapSamplingMode.Dirichlet, MaxReverseSplit = 10 };

    /// <summary>Samples that deviate more are left out.</summary>
    [Settings]
    public TrajectoryFilter Filter { get; init; } = TrajectoryFilter.None;
}

/// <summary>
/// FlowBP-Lagrange (docs/methods.md §3): active supports of the post leap with <c>u = γ₂·η·λ_s·g</c>, of the pre leap with
/// <c>u = γ₁·η·λ_s·g_j</c>; similarity weights, reward on x_N.
/// </summary>
/// <param name="settings">The settings.</param>
public sealed class LagrangePlanner(LagrangeSettings settings) : ISurrogatePlanner
{
    private readonly LagrangeSettings settings = settings.DetachHistory
        ? settings
        : throw new InvalidSettingException("detach_history must be true: inactive velocities are constants");

    /// <inheritdoc/>
    public string Name => "flowbp-lagrange";

    /// <inheritdoc/>
    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source)
    {
        var (k, j) = settings.Sampler.Draw(schedule.Steps, source);
        return FromIndices(schedule, k, j);
    }

    /// <summary>The plan of given indices; supports and active sets follow from them.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="k">Start.</param>
    /// <param name="j">Split, after k.</param>
    public SurrogatePlan FromIndices(NoiseSchedule schedule, int k, int j)
    {
        if (!(settings.AnchorBlend >= 0 && settings.AnchorBlend <= 1))
        {
            throw new InvalidSettingException($"anchor_lambda must be in [0, 1], got {settings.AnchorBlend}");
        }
        var pre = LeapRules.Integrate(schedule, k, j, settings.Rule, settings.Order) with
        {
            AnchorBlend = settings.AnchorBlend,
        };
        var post = LeapRules.Integrate(schedule, j, schedule.Steps, settings.Rule, settings.Order);
        var (preActive, preGamma) = Active(pre);
        var (postActive, postGamma) = Active(post);
        // The split comes last of the post leap: its bridge turns g into g_j for the pre leap.
        var atSplit = postActive.Where(step => step.Index == j).Select(step => step with { Bridge = settings.Alpha });
        return new()
        {
            Method = Name,
            Steps = schedule.Steps,
            RewardInput = Endpoint.Instance,
            ActiveSteps = [.. postActive.Where(step => step.Index != j), .. atSplit, .. preActive],
            Leaps = [pre, post],
            SimilarityFloor = settings.Tau,
            Filter = settings.Filter,
            Rescale = new Dictionary<string, double> { ["gamma_kj"] = preGamma, ["gamma_j0"] = postGamma },
            Indices = new Dictionary<string, IReadOnlyList<int>>
            {
                ["k"] = [k],
                ["j"] = [j],
                ["support_kj"] = pre.Supports,
                ["support_j0"] = post.Supports,
                ["active_kj"] = ActiveSupports(pre),
                ["active_j0"] = ActiveSupports(post),
            },
        };
    }

    // The leap's active steps, clean side first: η·γ·λ_s, blended with the Euler step at the anchor.
    private (ActiveStep[] Steps, double Gamma) Active(Leap leap)
    {
        var active = ActiveSupports(leap);
        var weightOf = leap.Supports.Zip(leap.Weights).ToDictionary(pair => pair.First, pair => pair.Second);
        var gamma = GradientRescale.Factor(
            settings.GradRescale,
            leap.Weights.Sum(Math.Abs),
            active.Sum(step => Math.Abs(weightOf[step]))
        );
        var weights = active.ToDictionary(
            step => step,
            step => leap.AnchorBlend * gamma * (step == leap.Start ? 1 : settings.SupportScale) * weightOf[step]
        );
        // The Euler part of a blend is alive even where no support is.
        if (leap.AnchorBlend < 1)
        {
            weights[leap.Start] = weights.GetValueOrDefault(leap.Start) + ((1 - leap.AnchorBlend) * leap.Interval);
        }
        return (
            [.. weights.OrderByDescending(pair => pair.Key).Select(pair => new ActiveStep(pair.Key, pair.Value))],
            gamma
        );
    }

    private int[] ActiveSupports(Leap leap) =>
        [.. Supports.Active(leap.Supports, leap.Start, settings.ActiveSupports, settings.MaxActiveSupports).Order()];
}
