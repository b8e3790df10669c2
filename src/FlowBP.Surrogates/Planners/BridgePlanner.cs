// FlowBP-Bridge: Euler replay like Sparse, but the steps lie on two sides of a split, and one Jacobian crosses it.

using FlowBP.RandomStreams;
using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Settings of <see cref="BridgePlanner"/>.</summary>
public sealed record BridgeSettings
{
    /// <summary>K on both sides together, at least 2 (<c>num_active_steps</c>).</summary>
    [ActiveSteps]
    public int ActiveSteps { get; init; } = 5;

    /// <summary>β (<c>late_bias</c>), counted within each side.</summary>
    [LateBias]
    public double LateBias { get; init; } = 4;

    /// <summary>ρ (<c>grad_rescale</c>).</summary>
    [GradRescale(Aliases = ["flowbp_sparse_grad_rescale", "flowbp_bridge_grad_rescale"])]
    public double GradRescale { get; init; }

    /// <summary>What one γ spans (<c>grad_rescale_range</c>).</summary>
    [Setting(
        "one factor for all steps (released), or one on each side of the split that leaves the split's own step alone (paper)",
        Name = "grad_rescale_range"
    )]
    public RescaleRange RescaleRange { get; init; }

    /// <summary>α of the bridge at j.</summary>
    [Alpha]
    public double Alpha { get; init; } = 0.5;

    /// <summary>How j is drawn; k is dropped. Its tail ratio is the window's.</summary>
    [Settings]
    public LeapSampler Sampler { get; init; } = new();

    /// <summary>Samples that deviate more are left out (a replay deviates by rounding alone).</summary>
    [Settings]
    public TrajectoryFilter Filter { get; init; } = TrajectoryFilter.None;
}

/// <summary>
/// FlowBP-Bridge (docs/methods.md §3): steps from j on with <c>u = γ·h_i·g</c>, j always among them, steps before j with
/// <c>u = γ·h_i·g_j</c>; reward on x_N. Under <see cref="RescaleRange.Segments"/> γ is a side's own, and 1 at j.
/// </summary>
/// <param name="settings">The settings.</param>
public sealed class BridgePlanner(BridgeSettings settings) : ISurrogatePlanner
{
    /// <inheritdoc/>
    public string Name => "flowbp-bridge";

    /// <inheritdoc/>
    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source)
    {
        var (k, j) = settings.Sampler.Draw(schedule.Steps, source);
        var window = Window(schedule);
        var budget = BridgeBudget.Divide(settings.ActiveSteps, j - window.Start, schedule.Steps - j);
        var pre = LateBiased.Draw(window.Start, j, budget.Pre, settings.LateBias, window.Start, source);
        int[] post =
        [
            j,
            .. budget.Post == 1
                ? []
                : LateBiased.Draw(j + 1, schedule.Steps, budget.Post - 1, settings.LateBias, j + 1, source),
        ];
        var plan = FromIndices(schedule, j, pre, post);
        return plan with { Indices = new Dictionary<string, IReadOnlyList<int>>(plan.Indices) { ["k"] = [k] } };
    }

    /// <summary>The plan of given indices.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="j">Split.</param>
    /// <param name="pre">Active steps before j.</param>
    /// <param name="post">Active steps from j on, j among them.</param>
    /// <exception cref="ArgumentException">A step is on the wrong side, or j is missing.</exception>
    public SurrogatePlan FromIndices(NoiseSchedule schedule, int j, IReadOnlyList<int> pre, IReadOnlyList<int> post)
    {
        if (!post.Contains(j) || post.Any(i => i < j) || pre.Any(i => i >= j))
        {
            throw new ArgumentException(
                $"split {j} with active steps {string.Join(", ", pre)} before and {string.Join(", ", post)} from it:"
                    + " the split must be among the latter, and each on its side"
            );
        }
        var window = Window(schedule);
        int[] active = [.. pre, .. post];
        var perSegment = settings.RescaleRange == RescaleRange.Segments;
        var whole = Factor(window.Start, window.End, active);
        var (before, after) = (Factor(window.Start, j, pre), Factor(j, window.End, post));
        return new()
        {
            Method = Name,
            Steps = schedule.Steps,
            RewardInput = Endpoint.Instance,
            ActiveSteps =
            [
                .. active
                    .OrderDescending()
                    .Select(i => new ActiveStep(i, Gamma(i) * schedule.StepSize(i), i == j ? settings.Alpha : 0)),
            ],
            Leaps = [Leap.EulerReplay(schedule, 0, j), Leap.EulerReplay(schedule, j, schedule.Steps)],
            Filter = settings.Filter,
            Rescale = perSegment
                ? new Dictionary<string, double> { ["gamma_pre"] = before, ["gamma_post"] = after }
                : new Dictionary<string, double> { ["gamma"] = whole },
            Indices = new Dictionary<string, IReadOnlyList<int>>
            {
                ["j"] = [j],
                ["active_pre"] = pre,
                ["active_post"] = post,
            },
        };

        double Gamma(int i) =>
            perSegment
                ? i == j
                    ? 1
                    : i < j
                        ? before
                        : after
                : whole;

        double Factor(int start, int end, IReadOnlyList<int> steps) =>
            GradientRescale.Factor(
                settings.GradRescale,
                schedule.Length(start, end),
                steps.Sum(i => Math.Abs(schedule.StepSize(i)))
            );
    }

    private TrainingWindow Window(NoiseSchedule schedule) =>
        TrainingWindow.Tail(schedule.Steps, settings.Sampler.TailRatio, minLength: 3);
}
