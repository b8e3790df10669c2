// DRTune: a few evenly spread steps, each with its input detached, up to an early stop.

using FlowBP.RandomStreams;
using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Settings of <see cref="DRTunePlanner"/>.</summary>
/// <param name="TrainSteps">K (<c>drtune_num_train_steps</c>).</param>
/// <param name="EarlyStopRatio">The stop is uniform in the last <c>round(ratio·N)</c> steps (half to even).</param>
/// <param name="EarlyStopSteps">The same as a number of steps, which then wins; 0: always the last step.</param>
/// <param name="TweedieAlwaysActive">
/// Whether the stop's own velocity always carries a gradient (the paper), or only if it is one of the K (released).
/// </param>
public sealed record DRTuneSettings(
    [property: Setting(
        "number of equally spaced active steps",
        1,
        Name = "drtune_num_train_steps",
        Aliases = ["num_train_steps"]
    )]
        int TrainSteps = 3,
    [property: Setting(
        "the stop is uniform in this last share",
        0,
        1,
        Name = "drtune_early_stop_ratio",
        Aliases = ["early_stop_ratio"]
    )]
        double EarlyStopRatio = 0.4,
    [property: Setting(
        "the same as a number of steps, which wins; 0: always the last step",
        0,
        Name = "drtune_early_stop_steps",
        Aliases = ["early_stop_steps"]
    )]
        int? EarlyStopSteps = null,
    [property: Setting(
        "the stop's own step always carries a gradient (paper); false: only if it is one of the train steps (released)",
        Name = "drtune_tweedie_always_active"
    )]
        bool TweedieAlwaysActive = true
);

/// <summary>
/// DRTune (docs/methods.md §3): the reward reads the posterior mean at an early stop s; K equally spaced steps t ≤ s are
/// active, with <c>u = h_t·g</c>, and <c>−σ_s·g</c> at the stop.
/// </summary>
/// <param name="settings">The settings.</param>
public sealed class DRTunePlanner(DRTuneSettings settings) : ISurrogatePlanner
{
    /// <inheritdoc/>
    public string Name => "drtune";

    /// <inheritdoc/>
    public SurrogatePlan Draw(NoiseSchedule schedule, RandomStream source)
    {
        var early = EarlyStops(schedule.Steps);
        var stop = early == 0 ? schedule.Steps - 1 : schedule.Steps - 1 - source.NextInt(early);
        var starts = Starts(stop + 1, settings.TrainSteps);
        return FromIndices(schedule, stop, TrainIndices(stop + 1, settings.TrainSteps, source.NextInt(starts)));
    }

    /// <summary>The plan of given indices.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="stop">s.</param>
    /// <param name="trainIndices">Steps t ≤ s.</param>
    public SurrogatePlan FromIndices(NoiseSchedule schedule, int stop, IReadOnlyList<int> trainIndices)
    {
        if (trainIndices.Any(t => t > stop))
        {
            throw new ArgumentException($"train steps {string.Join(", ", trainIndices)} exceed the stop {stop}");
        }
        var active = settings.TweedieAlwaysActive ? trainIndices.Append(stop) : trainIndices;
        return new()
        {
            Method = Name,
            Steps = schedule.Steps,
            RewardInput = new PosteriorMean(stop),
            ActiveSteps =
            [
                .. active
                    .Distinct()
                    .OrderDescending()
                    .Select(t => new ActiveStep(t, t < stop ? schedule.StepSize(t) : -schedule.Sigmas[stop])),
            ],
            Indices = new Dictionary<string, IReadOnlyList<int>> { ["s"] = [stop], ["train_indices"] = trainIndices },
        };
    }

    /// <summary>In how many last steps the stop may lie; 0: the last step only.</summary>
    /// <param name="steps">N.</param>
    public int EarlyStops(int steps)
    {
        var early =
            settings.EarlyStopSteps ?? (int)Math.Round(steps * settings.EarlyStopRatio, MidpointRounding.ToEven);
        return Math.Clamp(early, 0, steps);
    }

    /// <summary>How many first steps there are for K equally spaced ones among <paramref name="total"/>.</summary>
    /// <param name="total">s + 1.</param>
    /// <param name="count">K, at least 1.</param>
    public static int Starts(int total, int count)
    {
        if (count < 1)
        {
            throw new InvalidSettingException($"drtune_num_train_steps must be at least 1, got {count}");
        }
        count = Math.Min(count, total);
        return total - ((count - 1) * (total / count));
    }

    /// <summary>K steps at a stride of ⌊total/K⌋; all steps if K is no less.</summary>
    /// <param name="total">s + 1.</param>
    /// <param name="count">K, at least 1.</param>
    /// <param name="start">The first, in [0, <see cref="Starts"/>).</param>
    public static int[] TrainIndices(int total, int count, int start)
    {
        count = Math.Min(count, total);
        return [.. Enumerable.Range(0, count).Select(i => start + (i * (total / count)))];
    }
}
