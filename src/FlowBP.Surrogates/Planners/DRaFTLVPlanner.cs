// DRaFT-LV: the last step, its gradient averaged over re-noised copies of the image.

using FlowBP.RandomStreams;
using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Settings of <see cref="DRaFTLVPlanner"/>.</summary>
/// <param name="NoisedSamples">n, re-noised copies (<c>draft_lv_num_noised_samples</c>).</param>
public sealed record DRaFTLVSettings(
    [property: Setting(
        "re-noised copies per image",
        0,
        Name = "draft_lv_num_noised_samples",
        Aliases = ["num_noised_samples"]
    )]
        int NoisedSamples = 2
);

/// <summary>
/// DRaFT-LV (docs/methods.md §3): the reward reads the posterior mean at the last step and those of n re-noised copies; the
/// last step is active on each, with <c>u = −σ_{N−1}·g_copy</c>.
/// </summary>
/// <param name="settings">The settings.</param>
public sealed class DRaFTLVPlanner(DRaFTLVSettings settings) : ISurrogatePlanner
{
    /// <inheritdoc/>
    public string Name => "draft-lv";

    /// <inheritdoc/>
    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source) => FromIndices(schedule, schedule.Steps - 1);

    /// <summary>The plan of a given stop; the method's own is N − 1.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="stop">s.</param>
    public SurrogatePlan FromIndices(NoiseSchedule schedule, int stop)
    {
        if (settings.NoisedSamples < 0)
        {
            throw new InvalidSettingException(
                $"draft_lv_num_noised_samples must not be negative, got {settings.NoisedSamples}"
            );
        }
        return new()
        {
            Method = Name,
            Steps = schedule.Steps,
            RewardInput = new PosteriorMean(stop, settings.NoisedSamples),
            ActiveSteps = [new(stop, -schedule.Sigmas[stop])],
            Indices = new Dictionary<string, IReadOnlyList<int>> { ["s"] = [stop] },
        };
    }
}
