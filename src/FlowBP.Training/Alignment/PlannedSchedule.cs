// The noise levels that a run will have, without loading its model: the folder's scheduler says, if it is there, and the family's
// released form otherwise.

using FlowBP.Families;
using FlowBP.Models.Schedulers;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Alignment;

/// <summary>The schedule of a run, before anything is loaded.</summary>
/// <param name="Schedule">The noise levels.</param>
/// <param name="Text">Where they come from, in words.</param>
public sealed record PlannedSchedule(NoiseSchedule Schedule, string Text)
{
    // What the released models draw where no size is asked for.
    private const int OwnSize = 1024;

    /// <summary>The schedule of a run.</summary>
    /// <param name="config">The run.</param>
    /// <exception cref="Formats.CheckpointException">The folder's scheduler asks for what is not implemented.</exception>
    public static PlannedSchedule Of(AlignmentConfig config)
    {
        var steps = config.RolloutSteps;
        var family = config.Family ?? ModelFamilies.SD35;
        var file = Path.Combine(config.Model.Folder, "scheduler", "scheduler_config.json");
        if (File.Exists(file) && FlowMatchEulerConfig.Read(file) is { UseDynamicShifting: false, Shift: var shift })
        {
            return new(NoiseSchedule.FlowMatchEuler(steps, shift), $"static shift {shift}, as the model's folder says");
        }
        var tokens = ModelFamily.Tokens(config.Model.Height ?? OwnSize, config.Model.Width ?? OwnSize);
        var assumed = config.Family is null ? "; the model's family is not known, so its schedule is assumed" : "";
        return new(family.ScheduleOf(steps, tokens), $"{family.ScheduleText} ({family.Title}){assumed}");
    }
}
