// A text encoder's checkpoint as its network sees it: a weight with two names is there under both, what belongs to parts of a
// larger model is not there, and a prefix that the file has or lacks is taken off or put on. Everything else is loading as it always is.

using FlowBP.Formats;

namespace FlowBP.Models.Layers;

/// <summary>Loads the weights of a folder that transformers saved.</summary>
internal static class TransformersWeights
{
    /// <summary>Copies every tensor that the network has, converting to its type and device.</summary>
    /// <param name="module">The receiving network.</param>
    /// <param name="path">A folder or a file, see <see cref="Checkpoint.Open"/>.</param>
    /// <param name="names">Names that the checkpoint may have or lack.</param>
    /// <exception cref="CheckpointException">The weights are missing, damaged, or do not fit the network.</exception>
    public static void LoadInto(nn.Module module, string path, WeightNames names)
    {
        HashSet<string> own;
        using (torch.NewDisposeScope())
        {
            own = [.. module.state_dict().Keys];
        }
        using var checkpoint = new NamedWeights(Checkpoint.Open(path), names, own);
        Checkpoint.LoadInto(module, checkpoint);
    }

    /// <summary>The files that hold a folder's weights, in ordinal order.</summary>
    /// <exception cref="CheckpointException">There are none, or they are damaged.</exception>
    public static IReadOnlyList<string> Files(string folder)
    {
        using var checkpoint = Checkpoint.Open(folder);
        return
        [
            .. checkpoint
                .Tensors.Values.Select(tensor => tensor.File)
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.Ordinal),
        ];
    }

    private sealed class NamedWeights : ICheckpointSource
    {
        private readonly ICheckpointSource inner;
        private readonly OrderedDictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);

        public NamedWeights(ICheckpointSource inner, WeightNames names, HashSet<string> own)
        {
            this.inner = inner;
            foreach (var tensor in inner.Tensors.Values)
            {
                var name = names.Own(tensor.Name, own.Contains);
                if (names.Ignores(name))
                {
                    continue;
                }
                if (!tensors.TryAdd(name, tensor))
                {
                    inner.Dispose();
                    throw CheckpointException.ForTensor(
                        tensor.File,
                        tensor.Name,
                        $"it and '{tensors[name].Name}'",
                        $"one tensor that is {name}"
                    );
                }
            }
            foreach (var (name, tensor) in tensors.ToArray())
            {
                if (names.TiedTo(name) is { } other)
                {
                    tensors.TryAdd(other, tensor);
                }
            }
        }

        public string Path => inner.Path;

        public IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

        public void CopyInto(string name, Tensor destination, ValueCheck values = ValueCheck.None) =>
            inner.CopyInto(Stored(name), destination, values);

        public Tensor Load(string name) => inner.Load(Stored(name));

        public void Dispose() => inner.Dispose();

        private string Stored(string name) => tensors.TryGetValue(name, out var tensor) ? tensor.Name : name;
    }
}
