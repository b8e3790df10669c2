// The header of a safetensors file: eight bytes of little-endian length, then a JSON object that gives each tensor its
// type, shape and byte range. It comes from strangers, so nothing in it is believed before it is checked: a file that
// passes here has named, well-typed tensors that tile the data section exactly, without overlap, gap or remainder.
// The walk uses the low-level JSON reader because a document object model silently drops duplicate names.

using System.Text.Json;

namespace FlowBP.Formats;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Name in the file, unique.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Extents; empty for a scalar.</param>
/// <param name="Begin">First byte, from the start of the data section.</param>
/// <param name="End">One past the last byte.</param>
public sealed record SafetensorsEntry(string Name, SafetensorsType Type, long[] Shape, long Begin, long End)
{
    /// <summary>Size in bytes.</summary>
    public long Bytes => End - Begin;
}

internal sealed class SafetensorsHeader
{
    /// <summary>The format's own limit: a longer header is an attack or a damaged file.</summary>
    public const long MaxHeaderBytes = 100_000_000;

    private readonly string file;

    private SafetensorsHeader(string file) => this.file = file;

    public Dictionary<string, SafetensorsEntry> Entries { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>Parses and validates a header against the number of data bytes that really follow it.</summary>
    public static SafetensorsHeader Parse(string file, ReadOnlySpan<byte> json, long dataBytes)
    {
        var header = new SafetensorsHeader(file);
        try
        {
            header.Read(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw CheckpointException.ForFile(file, $"the header is not valid JSON: {e.Message}", e);
        }
        header.CheckLayout(dataBytes);
        return header;
    }

    private void Read(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty || json[0] != (byte)'{')
        {
            throw CheckpointException.ForFile(file, "the header does not begin with '{'");
        }
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        Expect(ref reader, JsonTokenType.StartObject, "the header");
        var metadataSeen = false;
        while (Next(ref reader) != JsonTokenType.EndObject)
        {
            var name = reader.GetString()!;
            if (name == "__metadata__")
            {
                if (metadataSeen)
                {
                    throw CheckpointException.ForFile(file, "'__metadata__' appears twice in the header");
                }
                metadataSeen = true;
                ReadMetadata(ref reader);
            }
            else if (!Entries.TryAdd(name, ReadEntry(ref reader, name)))
            {
                throw CheckpointException.ForTensor(file, name, "two tensors of this name", "unique names");
            }
        }
        while (reader.Read()) { } // throws if anything but white space follows
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        // The format's own library writes an object and reads null as none.
        if (Next(ref reader) == JsonTokenType.Null)
        {
            return;
        }
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException($"'__metadata__' is a {reader.TokenType}, not an object");
        }
        while (Next(ref reader) != JsonTokenType.EndObject)
        {
            var key = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String, $"'__metadata__.{CheckpointException.Shorten(key)}'");
            if (!Metadata.TryAdd(key, reader.GetString()!))
            {
                throw CheckpointException.ForFile(
                    file,
                    $"'__metadata__.{CheckpointException.Shorten(key)}' appears twice in the header"
                );
            }
        }
    }

    private SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.StartObject, $"tensor '{CheckpointException.Shorten(name)}'");
        SafetensorsType? type = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (Next(ref reader) != JsonTokenType.EndObject)
        {
            var key = reader.GetString()!;
            var repeated = key switch
            {
                "dtype" => type is not null,
                "shape" => shape is not null,
                "data_offsets" => offsets is not null,
                _ => throw CheckpointException.ForTensor(
                    file,
                    name,
                    $"the key '{CheckpointException.Shorten(key)}'",
                    "only dtype, shape and data_offsets"
                ),
            };
            if (repeated)
            {
                throw CheckpointException.ForTensor(file, name, $"'{key}' twice", "it once");
            }
            if (key == "dtype")
            {
                type = ReadType(ref reader, name);
            }
            else if (key == "shape")
            {
                shape = ReadIntegers(ref reader, name, key);
            }
            else
            {
                offsets = ReadIntegers(ref reader, name, key);
            }
        }
        if (type is null || shape is null || offsets is null)
        {
            var missing =
                type is null ? "dtype"
                : shape is null ? "shape"
                : "data_offsets";
            throw CheckpointException.ForTensor(file, name, $"no {missing}", "dtype, shape and data_offsets");
        }
        if (offsets.Length != 2)
        {
            throw CheckpointException.ForTensor(file, name, $"{offsets.Length} data_offsets", "begin and end");
        }
        return new SafetensorsEntry(name, type.Value, shape, offsets[0], offsets[1]);
    }

    private SafetensorsType ReadType(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.String, $"dtype of tensor '{CheckpointException.Shorten(name)}'");
        var text = reader.GetString()!;
        foreach (var type in Enum.GetValues<SafetensorsType>())
        {
            if (type.ToString() == text)
            {
                return type;
            }
        }
        var known = string.Join(", ", Enum.GetNames<SafetensorsType>());
        throw CheckpointException.ForTensor(
            file,
            name,
            $"dtype {CheckpointException.Shorten(text)}",
            $"one of {known}"
        );
    }

    private long[] ReadIntegers(ref Utf8JsonReader reader, string name, string key)
    {
        Expect(ref reader, JsonTokenType.StartArray, $"{key} of tensor '{CheckpointException.Shorten(name)}'");
        var values = new List<long>();
        while (Next(ref reader) != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var value) || value < 0)
            {
                throw CheckpointException.ForTensor(
                    file,
                    name,
                    $"an element of {key} that is not such a number",
                    "integers from 0 to 2^63 - 1"
                );
            }
            values.Add(value);
        }
        return [.. values];
    }

    private void CheckLayout(long dataBytes)
    {
        foreach (var entry in Entries.Values)
        {
            CheckEntry(entry, dataBytes);
        }
        long position = 0;
        var previous = "the start of the data";
        foreach (var entry in Entries.Values.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin != position)
            {
                var kind = entry.Begin < position ? "overlapping" : "leaving a gap after";
                throw CheckpointException.ForTensor(
                    file,
                    entry.Name,
                    $"data from byte {entry.Begin}, {kind} {previous}",
                    $"data from byte {position}"
                );
            }
            position = entry.End;
            previous = $"tensor '{entry.Name}'";
        }
        if (position != dataBytes)
        {
            throw CheckpointException.ForFile(
                file,
                $"found {dataBytes} data bytes, expected {position} (the end of {previous})"
            );
        }
    }

    private void CheckEntry(SafetensorsEntry entry, long dataBytes)
    {
        if (TensorShape.Problem(entry.Shape, entry.Type.Size()) is { } expectedShape)
        {
            throw CheckpointException.ForTensor(
                file,
                entry.Name,
                $"shape {CheckpointException.Shape(entry.Shape)}",
                expectedShape
            );
        }
        var expected = entry.Shape.Aggregate((long)entry.Type.Size(), (n, extent) => n * extent);
        if (entry.Begin > entry.End || entry.End > dataBytes)
        {
            throw CheckpointException.ForTensor(
                file,
                entry.Name,
                $"data_offsets [{entry.Begin}, {entry.End}]",
                $"an ascending range within the {dataBytes} data bytes of the file"
            );
        }
        if (entry.Bytes != expected)
        {
            throw CheckpointException.ForTensor(
                file,
                entry.Name,
                $"{entry.Bytes} bytes",
                $"{expected} bytes for {entry.Type} {CheckpointException.Shape(entry.Shape)}"
            );
        }
    }

    private static JsonTokenType Next(ref Utf8JsonReader reader) =>
        reader.Read() ? reader.TokenType : throw new JsonException("it ends too early");

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType expected, string what)
    {
        if (Next(ref reader) != expected)
        {
            throw new JsonException($"{what} is a {reader.TokenType}, not a {expected}");
        }
    }
}
