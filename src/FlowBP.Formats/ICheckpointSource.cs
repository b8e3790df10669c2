// The common face of all files that hold named tensors: what is there is known as soon as the file is open, values are
// read when they are asked for, one tensor at a time, into memory that is there already.

namespace FlowBP.Formats;

/// <summary>What a checkpoint says of a tensor before its values are read.</summary>
/// <param name="Name">Name in the checkpoint, unique.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Extents; empty for a scalar.</param>
/// <param name="File">The file that holds the values.</param>
public sealed record StoredTensor(string Name, ScalarType Type, long[] Shape, string File)
{
    /// <summary>Size of the values in bytes.</summary>
    public long Bytes => Shape.Aggregate((long)ElementTypes.Size(Type), (bytes, extent) => bytes * extent);

    /// <inheritdoc/>
    public override string ToString() => $"{Type} {CheckpointException.Shape(Shape)}";
}

/// <summary>Named tensors on disk: a safetensors file, several of them with an index, or a file of torch.save.</summary>
public interface ICheckpointSource : IDisposable
{
    /// <summary>The file, or the index, as it was given.</summary>
    string Path { get; }

    /// <summary>
    /// Every tensor by name, enumerated in the order in which the values lie on disk: whoever reads in this order has one
    /// file open at a time.
    /// </summary>
    IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>Copies a tensor's values straight into another tensor's memory, converted to its type and device.</summary>
    /// <param name="name">Name in <see cref="Tensors"/>.</param>
    /// <param name="destination">A tensor of the stored shape, any type, device and layout.</param>
    /// <param name="values">Which values are refused.</param>
    /// <exception cref="CheckpointException">There is no such tensor, or a value is refused.</exception>
    void CopyInto(string name, Tensor destination, ValueCheck values = ValueCheck.None);

    /// <summary>Reads a tensor into a new contiguous CPU tensor of the stored type and shape.</summary>
    /// <param name="name">Name in <see cref="Tensors"/>.</param>
    /// <exception cref="CheckpointException">There is no such tensor.</exception>
    Tensor Load(string name);
}

/// <summary>Which floating-point values a reader refuses.</summary>
public enum ValueCheck
{
    /// <summary>None.</summary>
    None,

    /// <summary>NaN. Infinity may be meant: masks are stored as minus infinity.</summary>
    NotNaN,

    /// <summary>NaN and infinity, which no weight can be.</summary>
    Finite,
}
