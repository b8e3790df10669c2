// Writing safetensors: the same tensors always give the same bytes. Order is by element size, largest first (so every
// tensor is aligned to its element size), then by name.

using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace FlowBP.Formats;

/// <summary>Writes safetensors files.</summary>
public static class SafetensorsWriter
{
    /// <summary>Metadata without which the field's loaders refuse a file.</summary>
    internal static readonly IReadOnlyDictionary<string, string> UsualMetadata = new Dictionary<string, string>
    {
        ["format"] = "pt",
    };

    /// <summary>Writes named tensors to a file: to a temporary file first, then renamed.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="tensors">Tensors of any shape, device and layout, of a type that the format knows.</param>
    /// <param name="metadata">Strings for the header; <c>format: pt</c>, which loaders of the field ask for, if null.</param>
    /// <exception cref="CheckpointException">The file cannot be written, for example because the disk is full.</exception>
    /// <exception cref="ArgumentException">A tensor's type cannot be stored, or its name is reserved.</exception>
    public static void Write(
        string path,
        IReadOnlyDictionary<string, Tensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null
    )
    {
        List<TensorToWrite> list = [.. tensors.Select(pair => new TensorToWrite(pair.Key, pair.Value, null))];
        AtomicFile.Write(path, Content(list, metadata ?? UsualMetadata));
    }

    /// <summary>What writes a file's content to a stream; everything that can be wrong is found before.</summary>
    internal static Action<Stream> Content(
        IReadOnlyCollection<TensorToWrite> tensors,
        IReadOnlyDictionary<string, string> metadata
    )
    {
        if (tensors.Any(tensor => tensor.Name == "__metadata__"))
        {
            throw new ArgumentException("'__metadata__' is no name for a tensor", nameof(tensors));
        }
        TensorToWrite[] ordered =
        [
            .. tensors.OrderByDescending(item => item.Type.Size()).ThenBy(item => item.Name, StringComparer.Ordinal),
        ];
        var header = Header(ordered, metadata);
        return stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (var item in ordered)
            {
                item.WriteTo(stream);
            }
        };
    }

    private static byte[] Header(TensorToWrite[] ordered, IReadOnlyDictionary<string, string> metadata)
    {
        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            long position = 0;
            foreach (var item in ordered)
            {
                var end = position + item.Bytes;
                WriteEntry(json, new SafetensorsEntry(item.Name, item.Type, item.Tensor.shape, position, end));
                position = end;
            }
            json.WriteEndObject();
        }
        // Spaces after the header align the data section to eight bytes.
        while (header.Length % 8 != 0)
        {
            header.WriteByte((byte)' ');
        }
        return header.ToArray();
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count == 0)
        {
            return;
        }
        json.WriteStartObject("__metadata__");
        foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            json.WriteString(key, value);
        }
        json.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter json, SafetensorsEntry entry)
    {
        json.WriteStartObject(entry.Name);
        json.WriteString("dtype", entry.Type.ToString());
        json.WriteStartArray("shape");
        foreach (var extent in entry.Shape)
        {
            json.WriteNumberValue(extent);
        }
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(entry.Begin);
        json.WriteNumberValue(entry.End);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}

/// <summary>A tensor on its way to a file, converted only when its turn comes.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="Tensor">Any device and layout.</param>
/// <param name="Floating">Storage type if the tensor holds real numbers; its own if null.</param>
/// <param name="Value">Computes what is stored in the tensor's place, of its type and shape; null: the tensor itself.</param>
internal sealed record TensorToWrite(string Name, Tensor Tensor, ScalarType? Floating, Func<Tensor>? Value = null)
{
    /// <summary>Storage type.</summary>
    public SafetensorsType Type { get; } = Stored(Name, Tensor, Floating);

    /// <summary>Size in the file.</summary>
    public long Bytes => Tensor.numel() * Type.Size();

    public void WriteTo(Stream stream)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var type = Type.ToScalarType();
        var value = Value?.Invoke() ?? Tensor;
        if (!value.shape.AsSpan().SequenceEqual(Tensor.shape))
        {
            throw new ArgumentException(
                $"tensor '{Name}': found {CheckpointException.Shape(value.shape)} to be stored in the place of"
                    + $" {CheckpointException.Shape(Tensor.shape)}"
            );
        }
        try
        {
            TensorBytes.Take(value.dtype == type ? value : value.detach().to_type(type), stream.Write);
        }
        catch (ExternalException e)
        {
            throw new ArgumentException($"tensor '{Name}' can't be stored: {e.Message}", e);
        }
    }

    private static SafetensorsType Stored(string name, Tensor tensor, ScalarType? floating)
    {
        if (tensor.IsInvalid)
        {
            throw new ArgumentException($"tensor '{name}' was disposed, and can't be stored");
        }
        if (tensor.device_type == DeviceType.META)
        {
            throw new ArgumentException($"tensor '{name}' is on meta: it has a shape, and no values to be stored");
        }
        var stored = floating is { } type && ElementTypes.IsFloating(tensor.dtype) ? type : tensor.dtype;
        try
        {
            return stored.ToSafetensorsType();
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"tensor '{name}': {e.Message}", e);
        }
    }
}
