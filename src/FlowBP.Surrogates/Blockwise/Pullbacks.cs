// One pullback through one graph: what a segment, an embedding and a whole network have in common.

namespace FlowBP.Surrogates;

/// <summary>Vector-Jacobian products of recorded graphs.</summary>
internal static class Pullbacks
{
    /// <summary>
    /// Pulls cotangents back to leaves, which are returned, and to parameters, which go to <paramref name="gradients"/>.
    /// The graph is freed with its outputs.
    /// </summary>
    /// <param name="outputs">Ends of the graph.</param>
    /// <param name="cotangents">One per output, of its shape; null: the output was not used further on.</param>
    /// <param name="leaves">Leaves; those that need no gradient get none.</param>
    /// <param name="parameters">Leaves, of which those are pulled back to that require gradients.</param>
    /// <param name="gradients">Receives the gradients of the parameters that the graph depends on.</param>
    /// <returns>One per leaf; null where the graph does not depend on it.</returns>
    public static Tensor?[] Pull(
        IReadOnlyList<Tensor> outputs,
        IReadOnlyList<Tensor?> cotangents,
        IReadOnlyList<Tensor> leaves,
        IReadOnlyList<Tensor> parameters,
        IParameterGradients gradients
    )
    {
        var pulled = new Tensor?[leaves.Count];
        List<Tensor> ends = [];
        List<Tensor> from = [];
        for (var i = 0; i < outputs.Count; i++)
        {
            if (cotangents[i] is { } cotangent && outputs[i].requires_grad)
            {
                ends.Add(outputs[i]);
                from.Add(cotangent.to(outputs[i].dtype));
            }
        }
        int[] wanted = [.. Enumerable.Range(0, leaves.Count).Where(i => leaves[i].requires_grad)];
        Tensor[] trained = [.. parameters.Where(parameter => parameter.requires_grad)];
        if (ends.Count == 0 || wanted.Length + trained.Length == 0)
        {
            return pulled;
        }
        var found = Gradients.Of(ends, [.. wanted.Select(i => leaves[i]), .. trained], from);
        for (var i = 0; i < wanted.Length; i++)
        {
            pulled[wanted[i]] = found[i];
        }
        for (var i = 0; i < trained.Length; i++)
        {
            if (found[wanted.Length + i] is { } gradient)
            {
                gradients.Add(trained[i], gradient);
                gradient.Dispose();
            }
        }
        return pulled;
    }
}
