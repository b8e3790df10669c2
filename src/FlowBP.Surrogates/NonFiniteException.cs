// A NaN is worth stopping for, and worth naming: which quantity, at which step, of which sample.

namespace FlowBP.Surrogates;

/// <summary>A velocity, reward or gradient is infinite or NaN; nothing was updated.</summary>
/// <param name="quantity">What is not finite: <c>velocity</c>, <c>reward</c>, <c>reward gradient</c>, <c>cotangent</c>.</param>
/// <param name="sample">Index in the batch.</param>
/// <param name="step">Rollout step; null where the quantity belongs to none.</param>
public sealed class NonFiniteException(string quantity, int sample, int? step = null)
    : ArithmeticException(
        $"{quantity} of sample {sample}{(step is null ? "" : $" at rollout step {step}")} is not finite;"
            + " lower the learning rate or max_grad_norm, or compute in a wider type"
    )
{
    /// <summary>What is not finite.</summary>
    public string Quantity { get; } = quantity;

    /// <summary>Index in the batch.</summary>
    public int Sample { get; } = sample;

    /// <summary>Rollout step; null where the quantity belongs to none.</summary>
    public int? Step { get; } = step;
}
