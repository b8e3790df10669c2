using FlowBP.Formats;

namespace FlowBP.Families;

/// <summary>Stands where a folder has no text encoder that can be run: prompts are refused when they come, not before.</summary>
/// <param name="folder">The model's folder.</param>
internal sealed class NoPromptSource(string folder) : IPromptSource
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts) =>
        throw CheckpointException.ForFile(
            folder,
            "found no text encoder that can be run, expected one, or embeddings of the prompts computed beforehand"
        );

    /// <inheritdoc/>
    public void To(Device device) { }

    /// <inheritdoc/>
    public void Dispose() { }
}
