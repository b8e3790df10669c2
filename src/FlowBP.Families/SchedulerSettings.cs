using FlowBP.Formats;
using FlowBP.Models.Schedulers;
using FlowBP.Surrogates;

namespace FlowBP.Families;

/// <summary>From a folder's scheduler_config.json to noise levels.</summary>
internal static class SchedulerSettings
{
    /// <summary>The static shift of the file, or the dynamic one, linear in the number of image tokens.</summary>
    /// <param name="settings">The file.</param>
    /// <param name="steps">N.</param>
    /// <param name="imageTokens">Length of the image sequence.</param>
    /// <exception cref="CheckpointException">The shift is so large or small that levels are equal or no numbers.</exception>
    public static NoiseSchedule Schedule(this FlowMatchEulerConfig settings, int steps, int imageTokens)
    {
        try
        {
            return settings.UseDynamicShifting
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
        catch (ArgumentException e)
        {
            var keys = settings.UseDynamicShifting
                ? (FormattableString)
                    $"keys 'base_shift' and 'max_shift': found {settings.BaseShift} at {settings.BaseImageSeqLen} tokens and {settings.MaxShift} at {settings.MaxImageSeqLen}, and the picture has {imageTokens}"
                : $"key 'shift': found {settings.Shift}";
            throw CheckpointException.ForFile(
                "scheduler_config.json",
                $"{FormattableString.Invariant(keys)}; {steps} noise levels that differ do not come of it ({e.Message})",
                e
            );
        }
    }
}
