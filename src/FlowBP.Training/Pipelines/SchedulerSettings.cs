using FlowBP.Models.Schedulers;
using FlowBP.Surrogates;

namespace FlowBP.Training.Pipelines;

/// <summary>From a folder's scheduler_config.json to noise levels.</summary>
internal static class SchedulerSettings
{
    /// <summary>The static shift of the file, or the dynamic one, linear in the number of image tokens.</summary>
    /// <param name="settings">The file.</param>
    /// <param name="steps">N.</param>
    /// <param name="imageTokens">Length of the image sequence.</param>
    public static NoiseSchedule Schedule(this FlowMatchEulerConfig settings, int steps, int imageTokens) =>
        settings.UseDynamicShifting
            ? NoiseSchedule.DynamicShift(
                steps,
                FlowMatchEuler.LinearMu(
                    imageTokens,
                    settings.BaseImageSeqLen,
                    settings.MaxImageSeqLen,
                    settings.BaseShift,
                    settings.MaxShift
                )
            )
            : NoiseSchedule.FlowMatchEuler(steps, settings.Shift);
}
