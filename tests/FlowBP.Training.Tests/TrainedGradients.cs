// The gradients of what is trained, one after the other.

using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Tests;

internal static class TrainedGradients
{
    /// <summary>Their numbers; zeros where a parameter has none.</summary>
    public static double[] Of(TextToImage model) =>
        [
            .. model.TrainedParameters.SelectMany(p =>
                p.Parameter.grad is { } gradient
                    ? TensorValues.Numbers(gradient)
                    : Enumerable.Repeat(0.0, (int)p.Parameter.numel())
            ),
        ];
}
