// Which family lies in a folder is written in its model_index.json.

using FlowBP.Formats;

namespace FlowBP.Families;

/// <summary>Loads models of every family.</summary>
public static class Backbones
{
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
            return ModelFamily.Reading(new DiffusersFolder(folder)).Load(folder, prompts, transformer);
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
