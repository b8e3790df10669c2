// LeapAlign: the rollout as two long single-velocity leaps, joined by a bridge and pinned to the cached states.

using FlowBP.RandomStreams;
using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Settings of <see cref="LeapAlignPlanner"/>.</summary>
public sealed record LeapAlignSettings
{
    /// <summary>α of the bridge at j.</summary>
    [Alpha]
    public double Alpha { get; init; } = 0.3;

    /// <summary>Floor τ of the similarity weights.</summary>
    [Tau]
    public double Tau { get; init; } = 0.1;

    /// <summary>How k and j are drawn.</summary>
    [Settings]
    public LeapSampler Sampler { get; init; } = new();

    /// <summary>Samples that deviate more are left out.</summary>
    [Settings]
    public TrajectoryFilter Filter { get; init; } = TrajectoryFilter.None;
}

/// <summary>
/// LeapAlign (docs/methods.md §3): <c>u_j = −σ_j·g</c>, <c>u_k = (σ_j − σ_k)·g_j</c>, similarity weights, reward on x_N.
/// </summary>
/// <param name="settings">The settings.</param>
public sealed class LeapAlignPlanner(LeapAlignSettings settings) : ISurrogatePlanner
{
    /// <inheritdoc/>
    public string Name => "leapalign";

    /// <inheritdoc/>
    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source)
    {
        var (k, j) = settings.Sampler.Draw(schedule.Steps, source);
        return FromIndices(schedule, k, j);
    }

    /// <summary>The plan of given indices.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="k">Start.</param>
    /// <param name="j">Split, after k.</param>
    public SurrogatePlan FromIndices(NoiseSchedule schedule, int k, int j)
    {
        var pre = schedule.Sigmas[j] - schedule.Sigmas[k];
        var post = schedule.Sigmas[schedule.Steps] - schedule.Sigmas[j];
        return new()
        {
            Method = Name,
            Steps = schedule.Steps,
            RewardInput = Endpoint.Instance,
            ActiveSteps = [new(j, post, settings.Alpha), new(k, pre)],
            Leaps = [new(k, j, [k], [pre]) { Interval = pre }, new(j, schedule.Steps, [j], [post]) { Interval = post }],
            SimilarityFloor = settings.Tau,
            Filter = settings.Filter,
            Indices = new Dictionary<string, IReadOnlyList<int>> { ["k"] = [k], ["j"] = [j] },
        };
    }
}
