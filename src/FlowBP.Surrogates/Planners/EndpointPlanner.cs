// Endpoint reconstruction: another method's active steps, but the reward on the image that was really sampled, and
// Euler weights. It separates what a method gains by its steps from what it loses by its reward input (Table 4).

using FlowBP.RandomStreams;

namespace FlowBP.Surrogates;

/// <summary>
/// Turns a method into its endpoint reconstruction: the same active set, <c>u = h_i·g</c>, reward on x_N.
/// </summary>
/// <param name="inner">The method whose active set is used; ReFL or DRTune.</param>
public sealed class EndpointPlanner(ISurrogatePlanner inner) : ISurrogatePlanner
{
    /// <inheritdoc/>
    public string Name => inner.Name + "-endpoint";

    /// <inheritdoc/>
    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source) =>
        FromPlan(schedule, inner.Draw(schedule, source));

    /// <summary>The endpoint reconstruction of a given plan.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="plan">A plan of the inner method.</param>
    public SurrogatePlan FromPlan(NoiseSchedule schedule, SurrogatePlan plan) =>
        plan with
        {
            Method = Name,
            RewardInput = Endpoint.Instance,
            ActiveSteps =
            [
                .. plan.ActiveSteps.Select(step => new ActiveStep(step.Index, schedule.StepSize(step.Index))),
            ],
            Leaps = [Leap.EulerReplay(schedule, 0, schedule.Steps)],
        };
}
