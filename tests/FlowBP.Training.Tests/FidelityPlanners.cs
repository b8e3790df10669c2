// Planners whose gradients can be written down.

using FlowBP.RandomStreams;
using FlowBP.Surrogates;

namespace FlowBP.Training.Tests;

/// <summary>Every step with its Euler weight times a factor, none coupled.</summary>
internal sealed class EulerPlanner(double factor) : ISurrogatePlanner
{
    public string Name => "euler";

    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source) =>
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
                    .Select(i => new ActiveStep(i, factor * schedule.StepSize(i))),
            ],
            Leaps = [Leap.EulerReplay(schedule, 0, schedule.Steps)],
        };
}

/// <summary>One step, any of them.</summary>
internal sealed class OneStepPlanner : ISurrogatePlanner
{
    public string Name => "one";

    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source)
    {
        var step = source.NextInt(schedule.Steps);
        return new()
        {
            Method = Name,
            Steps = schedule.Steps,
            RewardInput = Endpoint.Instance,
            ActiveSteps = [new(step, schedule.StepSize(step))],
            Leaps = [Leap.EulerReplay(schedule, 0, schedule.Steps)],
        };
    }
}
