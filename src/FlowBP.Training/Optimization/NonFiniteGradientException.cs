using FlowBP.Surrogates;

namespace FlowBP.Training.Optimization;

/// <summary>A gradient is infinite or NaN; nothing was updated.</summary>
/// <param name="parameter">Name of the first parameter at fault.</param>
public sealed class NonFiniteGradientException(string parameter)
    : NonFiniteException(
        "gradient",
        $"the gradient of {parameter} is not finite; nothing was updated: lower the learning rate or max_grad_norm, or"
            + " compute in a wider type"
    )
{
    /// <summary>Name of the first parameter at fault.</summary>
    public string Parameter { get; } = parameter;
}
