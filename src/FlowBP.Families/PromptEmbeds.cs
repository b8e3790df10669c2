// Embeddings reach a model from files too, so they are checked like files: names, number of dimensions, widths.
// Shape legend: B batch, M text tokens, E text width, P pooled width.

using FlowBP.Formats;
using FlowBP.Models.Prompts;

namespace FlowBP.Families;

/// <summary>Embeddings of prompts as a model takes them.</summary>
internal static class PromptEmbeds
{
    /// <summary>The text sequence.</summary>
    /// <param name="embeddings">All tensors of some prompts.</param>
    /// <param name="width">E, of the transformer.</param>
    /// <exception cref="CheckpointException">It is missing, or of another shape.</exception>
    public static Tensor TextOf(IReadOnlyDictionary<string, Tensor> embeddings, int width) =>
        Of(embeddings, PromptTensors.Text, $"[prompts, tokens, {width}]", dimensions: 3, width);

    /// <summary>The pooled text.</summary>
    /// <param name="embeddings">All tensors of some prompts.</param>
    /// <param name="width">P, of the transformer.</param>
    /// <exception cref="CheckpointException">It is missing, or of another shape.</exception>
    public static Tensor PooledOf(IReadOnlyDictionary<string, Tensor> embeddings, int width) =>
        Of(embeddings, PromptTensors.Pooled, $"[prompts, {width}]", dimensions: 2, width);

    private static Tensor Of(
        IReadOnlyDictionary<string, Tensor> embeddings,
        string name,
        string expected,
        int dimensions,
        int width
    )
    {
        if (!embeddings.TryGetValue(name, out var tensor))
        {
            throw new CheckpointException(
                $"prompt embeddings: found no '{name}', only {string.Join(", ", embeddings.Keys)}; expected {expected},"
                    + " as this model's text encoders give it"
            );
        }
        if (tensor.ndim != dimensions || tensor.size(dimensions - 1) != width)
        {
            throw new CheckpointException(
                $"prompt embeddings: found '{name}' of shape [{string.Join(", ", tensor.shape)}], expected {expected}:"
                    + " they belong to another model's text encoders"
            );
        }
        return tensor.DetachFromDisposeScope();
    }
}
