// A transformer's weights are found under diffusers' names, or under those of the code it was published with: the one file of a
// folder, or a single-file checkpoint that holds the rest of the model too. Which it is shows in the names themselves.

using FlowBP.Formats;
using FlowBP.Models.Original;

namespace FlowBP.Families;

/// <summary>Loads the weights of a transformer, whatever names they have.</summary>
internal static class TransformerWeights
{
    // What exports put before diffusers' names.
    private static readonly string[] Prefixes =
    [
        "model.diffusion_model.",
        "diffusion_model.",
        "transformer.",
        "model.",
    ];

    /// <summary>Copies every tensor, converting to the network's type and device.</summary>
    /// <param name="network">The receiving network.</param>
    /// <param name="path">A folder, a file or an index.</param>
    /// <exception cref="CheckpointException">The weights are missing or damaged, or do not fit.</exception>
    public static void LoadInto(nn.Module network, string path)
    {
        var file = Checkpoint.Open(path);
        using var weights = Named(network, file);
        Checkpoint.LoadInto(network, weights);
    }

    private static ICheckpointSource Named(nn.Module network, ICheckpointSource file)
    {
        if (ModelFamilies.WithOriginalNamesOf(file)?.OriginalNames is { } found)
        {
            var names = (network as IHasOriginalNames)?.OriginalNames;
            if (found != names)
            {
                file.Dispose();
                throw CheckpointException.ForFile(
                    file.Path,
                    $"holds the original weights of {found.Family}, expected those of {names?.Family ?? network.GetName()}: the configuration"
                        + " beside it, or the model it is given with, is of that family"
                );
            }
            Dictionary<string, long[]> shapes;
            using (torch.NewDisposeScope())
            {
                shapes = network.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.shape);
            }
            var original = OriginalCheckpoint.Of(file, found, shapes);
            if (original.Others.Count > 0)
            {
                var parts = string.Join(", ", AllInOneParts.Of(original.Others));
                LoadingNotices.Say($"{file.Path}: its transformer is taken, what else it holds ({parts}) is not read");
            }
            return original;
        }
        var prefix = Prefixes.FirstOrDefault(start =>
            file.Tensors.Count > 0 && file.Tensors.Keys.All(name => name.StartsWith(start, StringComparison.Ordinal))
        );
        return prefix is null ? file : new RenamedCheckpoint(file, name => name[prefix.Length..]);
    }
}
