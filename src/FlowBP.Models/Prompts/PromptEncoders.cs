// Which encoders a model folder has is a matter of its pipeline's class: a new pipeline adds its line here.

using FlowBP.Formats;

namespace FlowBP.Models.Prompts;

/// <summary>Opens the prompt side of a model folder, without its other networks.</summary>
public static class PromptEncoders
{
    private delegate IPromptEncoder Load(DiffusersFolder layout, int? maxSequenceLength, ScalarType? dtype);

    private static readonly (string Class, Load Load)[] Pipelines =
    [
        (SD3Pipeline.ClassName, SD3PromptEncoder.FromFolder),
        (FluxPipeline.ClassName, Flux1PromptEncoder.FromFolder),
        (Flux2KleinPipeline.ClassName, Flux2PromptEncoder.FromFolder),
    ];

    /// <summary>Reads tokenizers and text encoders of a model folder.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="maxSequenceLength">Tokens of the longest sequence; the pipeline's default if null.</param>
    /// <param name="dtype">Type of the parameters, and of what they compute; float32 if null.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the others.</exception>
    /// <exception cref="SequenceLengthException">The encoders can't have that length.</exception>
    public static IPromptEncoder FromFolder(string folder, int? maxSequenceLength = null, ScalarType? dtype = null)
    {
        var layout = new DiffusersFolder(folder);
        string name = layout.PipelineClass();
        Load load =
            Array.Find(Pipelines, pipeline => pipeline.Class == name).Load
            ?? throw CheckpointException.ForFile(
                Path.Combine(folder, "model_index.json"),
                $"found pipeline class {name}, expected one of {string.Join(", ", Pipelines.Select(p => p.Class))}"
            );
        return load(layout, maxSequenceLength, dtype);
    }
}
