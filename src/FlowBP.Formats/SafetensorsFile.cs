// Reading safetensors without reading the file: the header is parsed and checked at once, the data stay on disk behind
// a memory map until a tensor is asked for. A multi-gigabyte checkpoint opens in milliseconds, and a tensor is copied
// exactly once, from the page cache into its own memory.

using System.Buffers.Binary;

namespace FlowBP.Formats;

/// <summary>An open, validated, memory-mapped safetensors file.</summary>
public sealed unsafe class SafetensorsFile : ICheckpointSource
{
    private const int LengthBytes = 8;

    private readonly SafetensorsHeader header;
    private readonly MappedFile map;
    private readonly long dataOffset;

    private SafetensorsFile(MappedFile map)
    {
        this.map = map;
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(map.Span(0, LengthBytes));
        if (headerBytes > SafetensorsHeader.MaxHeaderBytes)
        {
            throw CheckpointException.ForFile(
                map.Path,
                $"found a header length of {headerBytes} bytes, expected at most {SafetensorsHeader.MaxHeaderBytes}"
            );
        }
        if ((long)headerBytes > map.Length - LengthBytes)
        {
            throw CheckpointException.ForFile(
                map.Path,
                $"found a header length of {headerBytes} bytes, expected at most {map.Length - LengthBytes} "
                    + "(the file is truncated or no safetensors file)"
            );
        }
        dataOffset = LengthBytes + (long)headerBytes;
        header = SafetensorsHeader.Parse(map.Path, map.Span(LengthBytes, (int)headerBytes), map.Length - dataOffset);
        Tensors = new OrderedDictionary<string, StoredTensor>(
            header
                .Entries.Values.OrderBy(entry => entry.Begin)
                .Select(entry => KeyValuePair.Create(entry.Name, Stored(entry))),
            StringComparer.Ordinal
        );
    }

    /// <inheritdoc/>
    public string Path => map.Path;

    /// <summary>Every tensor in the file, by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => header.Entries;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>The free-form string metadata of the file.</summary>
    public IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    /// <summary>Maps a file and validates its header.</summary>
    /// <exception cref="CheckpointException">The file is missing, unreadable, truncated or inconsistent.</exception>
    public static SafetensorsFile Open(string path)
    {
        var map = MappedFile.Open(path, LengthBytes);
        try
        {
            return new SafetensorsFile(map);
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <summary>The named entry.</summary>
    /// <exception cref="CheckpointException">The file has no such tensor.</exception>
    public SafetensorsEntry Entry(string name) =>
        header.Entries.TryGetValue(name, out var entry)
            ? entry
            : throw CheckpointException.ForTensor(Path, name, "no such tensor", $"one of {header.Entries.Count}");

    /// <summary>Copies part of a tensor's bytes (little-endian, row-major).</summary>
    /// <param name="entry">An entry of this file.</param>
    /// <param name="offset">First byte, from the start of the tensor.</param>
    /// <param name="destination">Receives exactly its own length of bytes.</param>
    public void CopyBytes(SafetensorsEntry entry, long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + destination.Length, entry.Bytes, nameof(offset));
        map.Span(dataOffset + entry.Begin + offset, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public void CopyInto(string name, Tensor destination, ValueCheck values = ValueCheck.None)
    {
        var entry = Entry(name);
        var source = map.At(dataOffset + entry.Begin, entry.Bytes);
        if (EightBitFloats.Table(entry.Type) is { } wide)
        {
            CopyWidened(source, wide, Tensors[name], destination, values);
            return;
        }
        StoredValues.Copy(source, Tensors[name], destination, values, mapped: true);
    }

    // Through a tensor of bfloat16: the largest weight of a released model takes a hundred megabytes so.
    private static void CopyWidened(
        byte* source,
        ushort[] wide,
        StoredTensor stored,
        Tensor destination,
        ValueCheck values
    )
    {
        using var widened = torch.empty(stored.Shape, ScalarType.BFloat16);
        var target = (ushort*)TensorPointer.Of(widened);
        var count = widened.numel();
        for (long i = 0; i < count; i++)
        {
            target[i] = wide[source[i]];
        }
        StoredValues.Copy((byte*)target, stored, destination, values, mapped: false);
        GC.KeepAlive(widened);
    }

    /// <summary>Copies the named tensor into a new contiguous CPU tensor of the stored type and shape.</summary>
    /// <exception cref="CheckpointException">The file has no such tensor.</exception>
    public Tensor Load(string name)
    {
        var entry = Entry(name);
        var tensor = torch.empty(entry.Shape, dtype: entry.Type.ToScalarType());
        CopyInto(name, tensor);
        return tensor;
    }

    /// <summary>Every tensor of a file, by name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where to; null: main memory.</param>
    /// <exception cref="CheckpointException">The file is missing, unreadable, truncated or inconsistent.</exception>
    public static IReadOnlyDictionary<string, Tensor> LoadAll(string path, Device? device = null)
    {
        using var file = Open(path);
        return file.Entries.Keys.ToDictionary(name => name, name => file.Load(name).to(device ?? torch.CPU));
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => map.Dispose();

    private StoredTensor Stored(SafetensorsEntry entry) =>
        new(entry.Name, entry.Type.ToScalarType(), entry.Shape, map.Path);
}
