// Prompts that a model folder's own text encoders embed as they come.

using FlowBP.Formats;
using FlowBP.Models.Prompts;

namespace FlowBP.Families;

/// <summary>Text encoders in memory.</summary>
/// <param name="encoder">The encoders; they belong to this object.</param>
public sealed class TextEncoders(IPromptEncoder encoder) : IPromptSource
{
    /// <summary>The text encoders of a model folder; where it has none, prompts are refused when they come.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="maxSequenceLength">Tokens of a prompt; null: as the model's pipeline has it.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static IPromptSource Of(string folder, int? maxSequenceLength = null)
    {
        var layout = new DiffusersFolder(folder);
        return layout.HasPart(layout.TextEncoder())
            ? new TextEncoders(PromptEncoders.FromFolder(folder, maxSequenceLength))
            : new NoPromptSource(folder);
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts) => encoder.Encode(prompts);

    /// <inheritdoc/>
    public IEnumerable<Truncation> Truncations(string prompt) => encoder.Truncations(prompt);

    /// <inheritdoc/>
    public void To(Device device) => encoder.To(device);

    /// <inheritdoc/>
    public void Dispose() => encoder.Dispose();
}
