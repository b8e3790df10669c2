// Prompts that were encoded once, before a run: the text encoders of a large model take more memory than its transformer, and their
// outputs never change.

using FlowBP.Models.Formats;
using FlowBP.Models.Prompts;

namespace FlowBP.Training.Pipelines;

/// <summary>Embeddings that were computed before, in a folder that <c>flowbp embed</c> wrote.</summary>
/// <param name="embeddings">The folder; it belongs to this object.</param>
public sealed class StoredEmbeddings(PromptEmbeddings embeddings) : IPromptSource
{
    private Device device = torch.CPU;

    /// <summary>Opens a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="CheckpointException">Its table of contents is missing or damaged.</exception>
    public static StoredEmbeddings Open(string folder) => new(PromptEmbeddings.Open(folder));

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts) =>
        embeddings.Load(prompts, ScalarType.Float32, device);

    /// <inheritdoc/>
    public void To(Device device) => this.device = device;

    /// <inheritdoc/>
    public void Dispose() => embeddings.Dispose();
}
