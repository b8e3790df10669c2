// What a method asks of the network, from the method itself: its planner draws, and the draws are counted. Nothing about a
// method is known here.

using FlowBP.RandomStreams;
using FlowBP.Surrogates;

namespace FlowBP.Training.Planning;

/// <summary>Evaluations and products per sample: means over many draws for the work, the most for the memory.</summary>
/// <param name="RolloutSteps">Velocities of a rollout, mean.</param>
/// <param name="ActiveSteps">Vector-Jacobian products of an image, mean.</param>
/// <param name="Images">Images that the reward sees per sample.</param>
/// <param name="MostRolloutSteps">Most velocities of a rollout.</param>
/// <param name="MostActiveSteps">Most products of an image.</param>
public sealed record MethodCost(
    double RolloutSteps,
    double ActiveSteps,
    int Images,
    int MostRolloutSteps,
    int MostActiveSteps
)
{
    private const int Draws = 256;

    /// <summary>Draws and counts.</summary>
    /// <param name="planner">The method.</param>
    /// <param name="rolloutSteps">N.</param>
    /// <exception cref="ArgumentException">The settings don't fit N.</exception>
    public static MethodCost Of(ISurrogatePlanner planner, int rolloutSteps)
    {
        var schedule = NoiseSchedule.FlowMatchEuler(rolloutSteps);
        SurrogatePlan[] plans =
        [
            .. Enumerable
                .Range(0, Draws)
                .Select(draw => planner.Draw(schedule, RandomStream.For(0, draw, 0, RandomPurpose.Indices))),
        ];
        int[] active = [.. plans.Select(plan => plan.ActiveSteps.Count(step => step.Weight != 0))];
        return new(
            plans.Average(plan => (double)plan.RolloutSteps),
            active.Average(),
            plans.Max(plan => plan.RewardInput.Rows),
            plans.Max(plan => plan.RolloutSteps),
            active.Max()
        );
    }
}
