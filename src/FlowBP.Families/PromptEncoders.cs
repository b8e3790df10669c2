// Which encoders a model folder has is a matter of its family.

using FlowBP.Formats;
using FlowBP.Models.Prompts;

namespace FlowBP.Families;

/// <summary>Opens the prompt side of a model folder, without its other networks.</summary>
public static class PromptEncoders
{
    /// <summary>Reads tokenizers and text encoders of a model folder.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="maxSequenceLength">Tokens of the longest sequence; the pipeline's default if null.</param>
    /// <param name="dtype">Type of the parameters, and of what they compute; float32 if null.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    /// <exception cref="SequenceLengthException">The encoders can't have that length.</exception>
    public static IPromptEncoder FromFolder(string folder, int? maxSequenceLength = null, ScalarType? dtype = null)
    {
        var layout = new DiffusersFolder(folder);
        return ModelFamily.Reading(layout).LoadEncoders(layout, maxSequenceLength, dtype);
    }
}
