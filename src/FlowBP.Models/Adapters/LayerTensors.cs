// Which tensors of an adapter's file belong together: two factors and perhaps a strength per layer, under whatever names.

using FlowBP.Formats;

namespace FlowBP.Models.Adapters;

/// <summary>Groups an adapter's tensors by the layer that they change.</summary>
internal static class LayerTensors
{
    /// <summary>For each layer, as the file names it, the names of its tensors by what they are.</summary>
    /// <param name="tensors">The file, all of whose tensors are parts of a LoRA.</param>
    /// <exception cref="CheckpointException">Two tensors are the same part of a layer.</exception>
    public static SortedDictionary<string, Dictionary<FactorRole, string>> Of(ICheckpointSource tensors)
    {
        var written = new SortedDictionary<string, Dictionary<FactorRole, string>>(StringComparer.Ordinal);
        foreach (var name in tensors.Tensors.Keys.Order(StringComparer.Ordinal))
        {
            var (layer, role) = FactorNames.Parse(name)!.Value;
            if (!written.TryGetValue(layer, out var roles))
            {
                written.Add(layer, roles = []);
            }
            if (!roles.TryAdd(role, name))
            {
                throw CheckpointException.ForTensor(
                    tensors.Path,
                    name,
                    $"it and '{roles[role]}'",
                    "one adapter per file"
                );
            }
        }
        return written;
    }
}
