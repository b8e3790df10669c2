// At which times a flow-matching loss is taken. The densities are over positions on a schedule and not over σ itself: a schedule that
// is shifted for the size of the pictures then shifts the loss as it shifts the sampler, as SD3 has it (Esser et al. 2024, arXiv
// 2403.03206), and what is trained is where the model is used. On a uniform schedule the position is 1 − σ.

using FlowBP.RandomStreams;

namespace FlowBP.Surrogates;

/// <summary>Density of the times of a flow-matching loss.</summary>
public enum FlowMatchingTimes
{
    /// <summary>The position is 1/(1 + e^z) of a standard normal z: SD3's density, location 0 and scale 1.</summary>
    LogitNormal,

    /// <summary>Every position is as likely.</summary>
    Uniform,
}

/// <summary>Draws times.</summary>
public static class FlowMatchingTimeDraws
{
    /// <summary>A time σ in [0, 1], linear between two levels of the schedule.</summary>
    /// <param name="times">The density.</param>
    /// <param name="schedule">The levels σ_0 … σ_N.</param>
    /// <param name="stream">Where the draw comes from.</param>
    public static double Draw(this FlowMatchingTimes times, NoiseSchedule schedule, RandomStream stream) =>
        At(
            schedule,
            times == FlowMatchingTimes.Uniform ? stream.NextDouble() : 1 / (1 + Math.Exp(stream.NextNormal()))
        );

    /// <summary>σ at a position of a schedule.</summary>
    /// <param name="schedule">The levels.</param>
    /// <param name="position">In [0, 1]; i/N is σ_i.</param>
    public static double At(NoiseSchedule schedule, double position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, 1);
        var step = Math.Min((int)(position * schedule.Steps), schedule.Steps - 1);
        return schedule.Sigmas[step] + (((position * schedule.Steps) - step) * schedule.StepSize(step));
    }
}
