// Which family lies in a folder is written in its model_index.json; a new family is registered here and nowhere else.

using FlowBP.Formats;
using FlowBP.Models;

namespace FlowBP.Training.Pipelines;

/// <summary>Loads models of every family.</summary>
public static class Backbones
{
    private static readonly Dictionary<string, Func<string, IPromptSource?, string?, IBackbone>> s_families = new(
        StringComparer.Ordinal
    )
    {
        [SD3Pipeline.ClassName] = SD3Backbone.Load,
        [FluxPipeline.ClassName] = FluxBackbone.Load,
        [Flux2KleinPipeline.ClassName] = Flux2Backbone.Load,
    };

    /// <summary>Loads a model; only its transformer's parameters receive gradients.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="prompts">
    /// Where embeddings of prompts come from, passed over to the backbone; null: from the folder's own text encoders. They are not
    /// loaded otherwise.
    /// </param>
    /// <param name="transformer">A file of the transformer's weights instead of the folder's; null: the folder's.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit, or the family is not known.</exception>
    public static IBackbone Load(string folder, IPromptSource? prompts = null, string? transformer = null)
    {
        try
        {
            var name = new DiffusersFolder(folder).PipelineClass();
            if (!s_families.TryGetValue(name, out var load))
            {
                throw CheckpointException.ForFile(
                    Path.Combine(folder, "model_index.json"),
                    $"found pipeline class {name}, expected one of {string.Join(", ", s_families.Keys)}"
                );
            }
            return load(folder, prompts, transformer);
        }
        catch
        {
            prompts?.Dispose();
            throw;
        }
    }

    /// <summary>Takes a network out of training.</summary>
    internal static void Freeze(nn.Module network)
    {
        network.eval();
        foreach (var parameter in network.parameters())
        {
            parameter.requires_grad = false;
        }
    }
}
