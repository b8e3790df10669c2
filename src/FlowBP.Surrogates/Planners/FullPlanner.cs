// Full backpropagation through all N steps: what the others approximate. In the executor's terms every step is active
// and every step a bridge, so even this needs one graph at a time.

using FlowBP.RandomStreams;

namespace FlowBP.Surrogates;

/// <summary>Full backpropagation: Euler weights, α = 1 everywhere, reward on x_N (docs/methods.md §3).</summary>
public sealed class FullPlanner : ISurrogatePlanner
{
    /// <inheritdoc/>
    public string Name => "full";

    /// <inheritdoc/>
    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source) => FromIndices(schedule);

    /// <summary>The one plan that there is.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    public SurrogatePlan FromIndices(NoiseSchedule schedule) =>
        new()
        {
            Method = Name,
            Steps = schedule.Steps,
            RewardInput = Endpoint.Instance,
            ActiveSteps =
            [
                .. Enumerable
                    .Range(0, schedule.Steps)
                    .Reverse()
                    .Select(i => new ActiveStep(i, schedule.StepSize(i), Bridge: 1)),
            ],
            Leaps = [Leap.EulerReplay(schedule, 0, schedule.Steps)],
        };
}
