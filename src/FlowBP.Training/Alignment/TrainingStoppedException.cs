namespace FlowBP.Training.Alignment;

/// <summary>A training step met a number that is not finite; the weights before it are saved.</summary>
/// <param name="step">Number of the step that was not taken, from 1.</param>
/// <param name="weights">Folder of the weights after the steps before it.</param>
/// <param name="cause">What was not finite, and where.</param>
public sealed class TrainingStoppedException(long step, string weights, ArithmeticException cause)
    : ArithmeticException(
        $"training step {step}: {cause.Message} (the weights after {step - 1} steps are in {weights})",
        cause
    )
{
    /// <summary>Number of the step that was not taken, from 1.</summary>
    public long Step { get; } = step;
}
