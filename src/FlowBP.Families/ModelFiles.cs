// A model is a folder in diffusers' layout. Its transformer may come from a file of its own, as fine-tuned ones are exchanged; and
// whoever names such a file as the model means the folder that it lies in, or hears what the file is and what it needs.

using FlowBP.Formats;

namespace FlowBP.Families;

/// <summary>Where a model and its transformer's weights lie.</summary>
internal static class ModelFiles
{
    /// <summary>The folder of a model, and the file of its transformer; null: the folder's own.</summary>
    /// <param name="model">What was given as the model: a folder, or a single-file checkpoint.</param>
    /// <param name="transformer">What was given as its transformer; null: nothing.</param>
    /// <exception cref="CheckpointException">It is a file that no folder goes with, or it is not there.</exception>
    public static (string Folder, string? Transformer) Of(string model, string? transformer)
    {
        if (transformer is not null && !Path.Exists(transformer))
        {
            throw CheckpointException.ForFile(transformer, "no such file (transformer)");
        }
        if (!File.Exists(model))
        {
            return (model, transformer);
        }
        if (Path.GetFileName(model) == "model_index.json")
        {
            return (Path.GetDirectoryName(Path.GetFullPath(model))!, transformer);
        }
        var what = SingleFile.Describe(model);
        var folder = Path.GetDirectoryName(Path.GetFullPath(model))!;
        var family = SingleFile.FamilyOf(model);
        // Repositories keep the original file beside the folders of the same model.
        if (
            transformer is null
            && family is not null
            && File.Exists(new DiffusersFolder(folder).Index)
            && family.PipelineClasses.Contains(new DiffusersFolder(folder).Contents.PipelineClass)
        )
        {
            return (folder, model);
        }
        throw CheckpointException.ForFile(
            model,
            family is null
                ? $"{what}; a model is a folder in diffusers' layout, with model_index.json"
                : $"{what}; its transformer is read with the other parts of a folder in diffusers' layout: give that folder as"
                    + " --model and this file as --transformer"
        );
    }
}
