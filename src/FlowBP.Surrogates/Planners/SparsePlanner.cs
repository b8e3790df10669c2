// FlowBP-Sparse: the rollout replayed with its own Euler steps, a few of them alive, none of them coupled.

using FlowBP.RandomStreams;
using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Settings of <see cref="SparsePlanner"/>.</summary>
/// <param name="ActiveSteps">K (<c>num_active_steps</c>).</param>
/// <param name="LateBias">β (<c>late_bias</c>).</param>
/// <param name="GradRescale">ρ (<c>grad_rescale</c>).</param>
/// <param name="TailRatio">The window's share of the steps (<c>train_step_tail_ratio</c>).</param>
public sealed record SparseSettings(
    [property: ActiveSteps] int ActiveSteps = 4,
    [property: LateBias] double LateBias = 1,
    [property: GradRescale(Aliases = ["flowbp_sparse_grad_rescale"])] double GradRescale = 0.5,
    [property: TailRatio] double TailRatio = 1
);

/// <summary>
/// FlowBP-Sparse (docs/methods.md §3): K late-biased steps with <c>u = γ·h_i·g</c>, no bridge, reward on x_N.
/// </summary>
/// <param name="settings">The settings.</param>
public sealed class SparsePlanner(SparseSettings settings) : ISurrogatePlanner
{
    /// <inheritdoc/>
    public string Name => "flowbp-sparse";

    /// <inheritdoc/>
    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source)
    {
        if (settings.ActiveSteps < 1)
        {
            throw new InvalidSettingException($"num_active_steps must be at least 1, got {settings.ActiveSteps}");
        }
        var window = TrainingWindow.Tail(schedule.Steps, settings.TailRatio);
        return FromIndices(
            schedule,
            LateBiased.Draw(window.Start, window.End, settings.ActiveSteps, settings.LateBias, origin: 0, source)
        );
    }

    /// <summary>The plan of given active steps.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="active">A, distinct.</param>
    public SurrogatePlan FromIndices(NoiseSchedule schedule, IReadOnlyList<int> active)
    {
        var window = TrainingWindow.Tail(schedule.Steps, settings.TailRatio);
        var gamma = GradientRescale.Factor(
            settings.GradRescale,
            schedule.Length(window.Start, window.End),
            active.Sum(i => Math.Abs(schedule.StepSize(i)))
        );
        return new()
        {
            Method = Name,
            Steps = schedule.Steps,
            RewardInput = Endpoint.Instance,
            ActiveSteps = [.. active.OrderDescending().Select(i => new ActiveStep(i, gamma * schedule.StepSize(i)))],
            Leaps = [Leap.EulerReplay(schedule, 0, schedule.Steps)],
            Rescale = new Dictionary<string, double> { ["gamma"] = gamma },
            Indices = new Dictionary<string, IReadOnlyList<int>> { ["active"] = active },
        };
    }
}
