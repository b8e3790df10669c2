using FlowBP.Settings;

namespace FlowBP.Training.Configuration;

/// <summary>What happens to a step in which a number is not finite.</summary>
public enum NonFiniteResponse
{
    /// <summary>The run ends; what was trained is stored.</summary>
    Stop,

    /// <summary>The step is left out.</summary>
    Skip,

    /// <summary>The step is left out, and the weights go back to those of the newest checkpoint.</summary>
    Rollback,
}

/// <summary>How a run goes on after something came between.</summary>
public sealed record ResumeSettings
{
    /// <summary>How many checkpoints are kept; null: all.</summary>
    [Setting("checkpoints that are kept, the newest and the one of the best evaluation among them; none: all", 1)]
    public int? CheckpointsTotalLimit { get; init; }

    /// <summary>The checkpoint to go on from; null: the run begins anew.</summary>
    [Setting("go on from a checkpoint of output_dir, in the same folder: latest, the checkpoint's folder, or none")]
    public string? ResumeFromCheckpoint { get; init; }

    /// <summary>What happens to a step in which a number is not finite.</summary>
    [Setting(
        "what to do with a step in which a number is not finite: end the run, leave the step out, or go back to the newest"
            + " checkpoint's weights as well",
        Choices = [
            "stop",
            NonFiniteResponse.Stop,
            "skip",
            NonFiniteResponse.Skip,
            "rollback",
            NonFiniteResponse.Rollback,
        ]
    )]
    public NonFiniteResponse Nonfinite { get; init; } = NonFiniteResponse.Stop;
}
