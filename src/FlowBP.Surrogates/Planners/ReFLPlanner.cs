// ReFL: one late step, judged by the clean image it predicts.

using FlowBP.RandomStreams;
using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Settings of <see cref="ReFLPlanner"/>.</summary>
/// <param name="LastSteps">The stop is uniform in so many last steps (<c>refl_last_n_steps</c>).</param>
public sealed record ReFLSettings(
    [property: Setting(
        "the stop is uniform in so many last steps",
        1,
        Name = "refl_last_n_steps",
        Aliases = ["last_n_steps"]
    )]
        int LastSteps = 11
);

/// <summary>
/// ReFL (docs/methods.md §3): the reward reads the posterior mean at s, step s is active with <c>u = −σ_s·g</c>.
/// </summary>
/// <param name="settings">The settings.</param>
public sealed class ReFLPlanner(ReFLSettings settings) : ISurrogatePlanner
{
    /// <inheritdoc/>
    public string Name => "refl";

    /// <inheritdoc/>
    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source)
    {
        if (settings.LastSteps < 1 || settings.LastSteps > schedule.Steps)
        {
            throw new InvalidSettingException(
                $"refl_last_n_steps must be in [1, {schedule.Steps}], the rollout's steps, got {settings.LastSteps}"
            );
        }
        return FromIndices(schedule, schedule.Steps - 1 - source.NextInt(settings.LastSteps));
    }

    /// <summary>The plan of a given stop.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="stop">s.</param>
    public SurrogatePlan FromIndices(NoiseSchedule schedule, int stop) =>
        new()
        {
            Method = Name,
            Steps = schedule.Steps,
            RewardInput = new PosteriorMean(stop),
            ActiveSteps = [new(stop, -schedule.Sigmas[stop])],
            Indices = new Dictionary<string, IReadOnlyList<int>> { ["s"] = [stop] },
        };
}
