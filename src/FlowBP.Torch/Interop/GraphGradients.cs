namespace FlowBP.Torch;

/// <summary>Gradients of a graph with respect to some of its inputs.</summary>
internal static class GraphGradients
{
    /// <summary>One per input; null where no output depends on it.</summary>
    public static torch.Tensor?[] Of(torch.Tensor[] outputs, torch.Tensor[] inputs, torch.Tensor[] cotangents) =>
        [.. torch.autograd.grad(outputs, inputs, cotangents, allow_unused: true)];
}
