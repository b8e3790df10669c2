// A text encoder's checkpoint as its network sees it: a weight with two names is there under both, and what belongs to parts of
// a larger model is not there. Everything else is loading as it always is.

using FlowBP.Models.Formats;

namespace FlowBP.Models.TextEncoders;

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
        using var checkpoint = new NamedWeights(Checkpoint.Open(path), names);
        Checkpoint.LoadInto(module, checkpoint);
    }

    /// <summary>The files that hold a folder's weights, in ordinal order.</summary>
    /// <exception cref="CheckpointException">There are none, or they are damaged.</exception>
    public static IReadOnlyList<string> Files(string folder)
    {
        using ICheckpointSource checkpoint = Checkpoint.Open(folder);
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

        public NamedWeights(ICheckpointSource inner, WeightNames names)
        {
            this.inner = inner;
            foreach (var (name, tensor) in inner.Tensors)
            {
                if (names.Ignores(name))
                {
                    continue;
                }
                tensors[name] = tensor;
                if (names.TiedTo(name) is { } other && !inner.Tensors.ContainsKey(other))
                {
                    tensors[other] = tensor;
                }
            }
        }

        public string Path => inner.Path;

        public IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

        public void CopyInto(string name, Tensor destination, ValueCheck values = ValueCheck.None) =>
            inner.CopyInto(Stored(name), destination, values);

        public Tensor Load(string name) => inner.Load(Stored(name));

        public void Dispose() => inner.Dispose();

        private string Stored(string name) => tensors.TryGetValue(name, out StoredTensor? tensor) ? tensor.Name : name;
    }
}
