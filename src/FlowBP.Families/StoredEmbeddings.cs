// Prompts that were encoded once, before a run: the text encoders of a large model take more memory than its transformer, and their
// outputs never change.

using FlowBP.Formats;
using FlowBP.Models.Prompts;

namespace FlowBP.Families;

/// <summary>Embeddings that were computed before, in a folder that <c>flowbp embed</c> wrote.</summary>
/// <param name="embeddings">The folder; it belongs to this object.</param>
public sealed class StoredEmbeddings(PromptEmbeddings embeddings) : IPromptSource
{
    private Device device = torch.CPU;

    /// <summary>
    /// Opens a folder for a run: embeddings of another encoder or length, or a prompt without one, are found before anything is
    /// trained.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="model">The model's folder. Where it has no text encoders, what can be compared is widths, at first use.</param>
    /// <param name="maxSequenceLength">Tokens of a prompt; null: as the model's pipeline has it.</param>
    /// <param name="prompts">Every prompt that will be asked for; the empty one is added.</param>
    /// <exception cref="CheckpointException">
    /// The folder is missing or damaged, belongs to another model, or lacks a prompt.
    /// </exception>
    public static StoredEmbeddings Open(
        string folder,
        string model,
        int? maxSequenceLength,
        IEnumerable<string> prompts
    )
    {
        var embeddings = PromptEmbeddings.Open(folder);
        try
        {
            if (Directory.Exists(new DiffusersFolder(model).TextEncoder()))
            {
                embeddings.RequireEncoder(PromptEncoders.IdentityOf(model, maxSequenceLength));
            }
            embeddings.RequirePrompts(prompts.Append(""));
            return new StoredEmbeddings(embeddings);
        }
        catch
        {
            embeddings.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts) =>
        embeddings.Load(prompts, ScalarType.Float32, device);

    /// <inheritdoc/>
    public void To(Device device) => this.device = device;

    /// <inheritdoc/>
    public void Dispose() => embeddings.Dispose();
}
