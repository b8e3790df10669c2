namespace FlowBP.Training.Runs;

/// <summary>A run was asked to make way, and can be gone on with: whoever manages jobs queues it again.</summary>
/// <param name="steps">Updates made.</param>
/// <param name="checkpoint">The checkpoint to go on from; null: nothing was trained yet.</param>
public sealed class SuspendedRunException(int steps, string? checkpoint)
    : Exception(
        checkpoint is null
            ? "the run was suspended before its first step; the same command begins it again"
            : $"the run is suspended after {steps} {(steps == 1 ? "step" : "steps")}; --resume_from_checkpoint latest goes on"
                + $" from {checkpoint}"
    )
{
    /// <summary>Updates made.</summary>
    public int Steps { get; } = steps;

    /// <summary>The checkpoint to go on from; null: nothing was trained yet.</summary>
    public string? Checkpoint { get; } = checkpoint;
}
