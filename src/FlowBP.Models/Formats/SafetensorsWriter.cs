// Writing safetensors: the same tensors always give the same bytes. Order is by element size, largest first (so every
// tensor is aligned to its element size), then by name.

using System.Buffers.Binary;
using System.Text.Json;

namespace FlowBP.Models.Formats;

/// <summary>Writes safetensors files.</summary>
public static class SafetensorsWriter
{
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
        var ordered = tensors
            .Select(pair => (Name: pair.Key, Tensor: pair.Value, Type: pair.Value.dtype.ToSafetensorsType()))
            .OrderByDescending(item => item.Type.Size())
            .ThenBy(item => item.Name, StringComparer.Ordinal)
            .ToList();
        if (tensors.ContainsKey("__metadata__"))
        {
            throw new ArgumentException("'__metadata__' is no name for a tensor", nameof(tensors));
        }

        using var headerStream = new MemoryStream();
        using (var json = new Utf8JsonWriter(headerStream))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata ?? new Dictionary<string, string> { ["format"] = "pt" });
            long position = 0;
            foreach (var (name, tensor, type) in ordered)
            {
                long end = position + tensor.numel() * type.Size();
                WriteEntry(json, new SafetensorsEntry(name, type, tensor.shape, position, end));
                position = end;
            }
            json.WriteEndObject();
        }
        // Spaces after the header align the data section to eight bytes.
        while (headerStream.Length % 8 != 0)
        {
            headerStream.WriteByte((byte)' ');
        }

        AtomicFile.Write(
            path,
            stream =>
            {
                Span<byte> length = stackalloc byte[8];
                BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)headerStream.Length);
                stream.Write(length);
                headerStream.WriteTo(stream);
                foreach (var (_, tensor, _) in ordered)
                {
                    TensorBytes.Take(tensor, stream.Write);
                }
            }
        );
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
        foreach (long extent in entry.Shape)
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
