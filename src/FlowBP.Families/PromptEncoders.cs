// Which encoders a model folder has is a matter of its family.

using FlowBP.Formats;
using FlowBP.Models.Prompts;

namespace FlowBP.Families;

/// <summary>Prompts that can be written as parts of a model that was made here.</summary>
internal interface IWritablePrompts
{
    /// <summary>Writes text encoders and tokenizers.</summary>
    /// <returns>Their entries in the table of contents.</returns>
    IEnumerable<IndexEntry> Write(DiffusersFolder layout, ScalarType? dtype);
}

/// <summary>The prompt side of a model folder, without its other networks.</summary>
public static class PromptEncoders
{
    /// <summary>Reads tokenizers and text encoders of a model folder.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="maxSequenceLength">Tokens of the longest sequence; the pipeline's default if null.</param>
    /// <param name="dtype">Type of the parameters, and of what they compute; float32 if null.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    /// <exception cref="SequenceLengthException">The encoders can't have that length.</exception>
    public static IPromptSource FromFolder(string folder, int? maxSequenceLength = null, ScalarType? dtype = null)
    {
        var layout = new DiffusersFolder(folder);
        return ModelFamilies.Reading(layout).LoadEncoders(layout, maxSequenceLength, dtype);
    }

    /// <summary>The same for a folder that may have none: prompts are then refused when they come, not before.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="maxSequenceLength">As above.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    public static IPromptSource Of(string folder, int? maxSequenceLength = null)
    {
        var layout = new DiffusersFolder(folder);
        return layout.Contents.HasPart(layout.TextEncoder()) ? FromFolder(folder, maxSequenceLength) : new None(folder);
    }

    /// <summary>The identity of a model folder's text encoders.</summary>
    /// <param name="folder">A folder in diffusers' layout, with its text encoders.</param>
    /// <param name="maxSequenceLength">Tokens of the longest sequence; the family's default if null.</param>
    /// <exception cref="CheckpointException">A file is missing or damaged, or the pipeline is not known.</exception>
    /// <exception cref="SequenceLengthException">The encoders can't have that length.</exception>
    public static EncoderIdentity IdentityOf(string folder, int? maxSequenceLength = null)
    {
        var layout = new DiffusersFolder(folder);
        return EncoderIdentity.Of(layout, ModelFamilies.Reading(layout).Encoders, maxSequenceLength);
    }

    private sealed class None(string folder) : IPromptSource
    {
        public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts) =>
            throw CheckpointException.ForFile(
                folder,
                "found no text encoder that can be run, expected one, or embeddings of the prompts computed beforehand"
            );

        public void To(Device device) { }

        public void Dispose() { }
    }
}
