// A NaN is worth stopping for, and worth naming: which quantity, at which step, of which sample. It has a type of its own: an
// arithmetic exception of the runtime (a division by zero, an overflow) is a mistake of the program and not of the numbers.

namespace FlowBP.Surrogates;

/// <summary>A velocity, reward or gradient is infinite or NaN; nothing was updated.</summary>
public class NonFiniteException : Exception
{
    /// <summary>A quantity of a sample.</summary>
    /// <param name="quantity">What is not finite: <c>velocity</c>, <c>reward</c>, <c>reward gradient</c>, <c>cotangent</c>.</param>
    /// <param name="sample">Index in the batch.</param>
    /// <param name="step">Rollout step; null where the quantity belongs to none.</param>
    public NonFiniteException(string quantity, int sample, int? step = null)
        : this(
            quantity,
            $"{quantity} of sample {sample}{(step is null ? "" : $" at rollout step {step}")} is not finite;"
                + " lower the learning rate or max_grad_norm, or compute in a wider type"
        )
    {
        Sample = sample;
        Step = step;
    }

    /// <summary>A quantity of the whole batch.</summary>
    /// <param name="quantity">What is not finite.</param>
    /// <param name="message">One line: what, and what to do.</param>
    protected NonFiniteException(string quantity, string message)
        : base(message) => Quantity = quantity;

    /// <summary>What is not finite.</summary>
    public string Quantity { get; }

    /// <summary>Index in the batch; null where the quantity belongs to no sample.</summary>
    public int? Sample { get; }

    /// <summary>Rollout step; null where the quantity belongs to none.</summary>
    public int? Step { get; }
}
