namespace FlowBP.Training.Runs;

/// <summary>A run ended before it was complete, for whatever reason, after something had been trained, and this was kept.</summary>
/// <param name="cause">Why it ended; an <see cref="OperationCanceledException"/> where somebody asked for it.</param>
/// <param name="steps">Updates made.</param>
/// <param name="weights">Where the trained weights lie.</param>
public sealed class InterruptedRunException(Exception cause, long steps, string weights)
    : Exception(
        $"{cause.Message} (the weights after {steps} {(steps == 1 ? "step" : "steps")} are in {weights})",
        cause
    )
{
    /// <summary>Why the run ended.</summary>
    public Exception Cause { get; } = cause;

    /// <summary>Updates made.</summary>
    public long Steps { get; } = steps;

    /// <summary>What was being done, such as <c>training step 3</c>, where the cause does not say it; null: it does.</summary>
    public string? During { get; init; }

    /// <summary>Where the trained weights lie.</summary>
    public string Weights { get; } = weights;
}
