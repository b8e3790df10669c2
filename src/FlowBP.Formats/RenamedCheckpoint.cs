// The same weights under other names. A text encoder is saved with or without the prefix of the model around it, a tied weight
// under either of its names, an encoder together with a decoder that nobody asked for: a function says which name each tensor
// goes by here, and loading stays what it is.

namespace FlowBP.Formats;

/// <summary>A checkpoint whose tensors have other names, or are left out.</summary>
/// <example>
/// <code>
/// using var weights = new RenamedCheckpoint(Checkpoint.Open(folder), name =&gt;
///     name.StartsWith("decoder.") ? null : name == "encoder.embed_tokens.weight" ? "shared.weight" : name);
/// Checkpoint.LoadInto(encoder, weights);
/// </code>
/// </example>
public sealed class RenamedCheckpoint : ICheckpointSource
{
    private readonly ICheckpointSource source;
    private readonly OrderedDictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> stored = new(StringComparer.Ordinal);

    /// <summary>Renames the tensors of a checkpoint, which is disposed with this object.</summary>
    /// <param name="source">The checkpoint.</param>
    /// <param name="rename">
    /// The name that a stored name becomes; null leaves the tensor out. Where two tensors get one name, as the two names of
    /// a tied weight do, the first on disk is taken if they have one shape.
    /// </param>
    /// <exception cref="CheckpointException">Two tensors of different shapes would have one name.</exception>
    public RenamedCheckpoint(ICheckpointSource source, Func<string, string?> rename)
    {
        this.source = source;
        foreach (var tensor in source.Tensors.Values)
        {
            if (rename(tensor.Name) is not { } name)
            {
                continue;
            }
            if (tensors.TryAdd(name, tensor))
            {
                stored.Add(name, tensor.Name);
            }
            else if (!tensors[name].Shape.AsSpan().SequenceEqual(tensor.Shape))
            {
                source.Dispose();
                throw CheckpointException.ForTensor(
                    tensor.File,
                    tensor.Name,
                    tensor.ToString(),
                    $"{tensors[name]}, as '{stored[name]}', which goes by the same name"
                );
            }
        }
    }

    /// <inheritdoc/>
    public string Path => source.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

    /// <inheritdoc/>
    public void CopyInto(string name, Tensor destination, ValueCheck values = ValueCheck.None) =>
        source.CopyInto(StoredName(name), destination, values);

    /// <inheritdoc/>
    public Tensor Load(string name) => source.Load(StoredName(name));

    /// <summary>Closes the checkpoint.</summary>
    public void Dispose() => source.Dispose();

    private string StoredName(string name) =>
        stored.TryGetValue(name, out var found)
            ? found
            : throw CheckpointException.ForTensor(Path, name, "no such tensor", $"one of {tensors.Count}");
}
