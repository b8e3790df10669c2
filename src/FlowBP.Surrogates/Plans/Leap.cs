// A leap predicts a later state of the rollout from an earlier one by a quadrature over cached velocities. Its value is
// only measured (deviation, similarity weight, reconstruction error): the forward value is always the cached state.

namespace FlowBP.Surrogates;

/// <summary>The prediction <c>x̂_target = x_start + Σ_s w_s·v_s</c>.</summary>
/// <param name="Start">Step of the cached state that it starts from.</param>
/// <param name="Target">Step of the state that it predicts; N for the end.</param>
/// <param name="Supports">Steps of the velocities.</param>
/// <param name="Weights">Weights of the quadrature, one per support, before any blend.</param>
public sealed record Leap(int Start, int Target, IReadOnlyList<int> Supports, IReadOnlyList<double> Weights)
{
    /// <summary>
    /// a: the prediction is <c>(1 − a)·Euler + a·quadrature</c>, Euler being one step with the velocity at the start.
    /// </summary>
    public double AnchorBlend { get; init; } = 1;

    /// <summary>σ_target − σ_start; negative.</summary>
    public required double Interval { get; init; }

    /// <summary>Whether the supports and weights are the rollout's own Euler steps, so that only rounding can differ.</summary>
    public bool IsEulerReplay { get; init; }

    /// <summary>The weights with the blend applied: what the prediction is made with. One per support.</summary>
    /// <remarks>The start must be a support when <see cref="AnchorBlend"/> is below 1.</remarks>
    public IReadOnlyList<double> PredictionWeights =>
        AnchorBlend == 1
            ? Weights
            :
            [
                .. Supports.Select(
                    (step, i) => (AnchorBlend * Weights[i]) + (step == Start ? (1 - AnchorBlend) * Interval : 0)
                ),
            ];

    /// <summary>Whether some weight has the sign opposite to the interval's (beyond rounding).</summary>
    public bool HasWrongSign => Weights.Any(w => w * Math.Sign(Interval) < -1e-12 * Math.Abs(Interval));

    /// <summary>The leap that repeats the rollout's Euler steps from <paramref name="start"/> to <paramref name="target"/>.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="start">First step.</param>
    /// <param name="target">Step that is reached.</param>
    public static Leap EulerReplay(NoiseSchedule schedule, int start, int target)
    {
        var supports = Enumerable.Range(start, target - start).ToArray();
        return new(start, target, supports, [.. supports.Select(schedule.StepSize)])
        {
            Interval = schedule.Sigmas[target] - schedule.Sigmas[start],
            IsEulerReplay = true,
        };
    }
}
