// The layout before torch 1.6: five pickles one after another (a magic number, the protocol's version, facts about the
// machine, what was saved, the storages' keys), then per storage its number of elements in eight bytes and the elements.

using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;

namespace FlowBP.Formats;

internal sealed class TorchLegacyLayout : ITorchLayout
{
    private const long Version = 1001;
    private const int CountBytes = 8;
    private const int MostStorages = 1_000_000;

    private static readonly BigInteger Magic = BigInteger.Parse("1950a86a20f9469cfc6c", NumberStyles.HexNumber, null);

    private readonly string file;
    private readonly Dictionary<string, (long Offset, long Elements, ScalarType Type)> storages = new(
        StringComparer.Ordinal
    );

    private TorchLegacyLayout(MappedFile map)
    {
        file = map.Path;
        long position = 0;
        if (Next(map, ref position) is not BigInteger magic || magic != Magic)
        {
            throw CheckpointException.ForFile(
                file,
                "found a pickle, but not torch's magic number: no file of torch.save"
            );
        }
        if (Next(map, ref position) is not Version)
        {
            throw CheckpointException.ForFile(file, $"found another version of the layout than {Version}");
        }
        if (
            Next(map, ref position) is not PickleDict facts
            || !facts.TryGet("little_endian", out var little)
            || little is not true
        )
        {
            throw CheckpointException.ForFile(
                file,
                "found a file of a big-endian machine, expected a little-endian one's"
            );
        }
        Root = Next(map, ref position);
        if (Next(map, ref position) is not PickleList { Items.Count: <= MostStorages } keys)
        {
            throw CheckpointException.ForFile(file, "found no list of storages after the tensors");
        }
        FindStorages(map, keys, position);
    }

    /// <inheritdoc/>
    public object? Root { get; }

    /// <summary>Whether a file may have this layout: a pickle of protocol 2 or more.</summary>
    public static bool Matches(MappedFile map) => map.Span(0, 1)[0] == (byte)PickleOpcode.Proto;

    /// <summary>Reads the description and finds the storages.</summary>
    public static TorchLegacyLayout Read(MappedFile map) => new(map);

    /// <inheritdoc/>
    public long OffsetOf(TorchStorage storage) =>
        storages.TryGetValue(storage.Key, out var found)
        && found.Type == storage.Type
        && storage.FirstElement <= found.Elements
        && storage.Elements <= found.Elements - storage.FirstElement
            ? found.Offset + storage.FirstElement * ElementTypes.Size(storage.Type)
            : throw CheckpointException.ForFile(
                file,
                $"found no storage '{CheckpointException.Shorten(storage.Key)}' of {storage.Elements} {storage.Type}"
            );

    private object? Next(MappedFile map, ref long position)
    {
        var most = (int)Math.Min(PickleReader.MostBytes, map.Length - position);
        var value = PickleReader.Read(file, map.Span(position, most), out var length);
        position += length;
        return value;
    }

    // A storage's size in bytes is known only from the tensors that use it: the list has keys alone.
    private void FindStorages(MappedFile map, PickleList keys, long position)
    {
        var types = StateDictSearch.StorageTypes(Root);
        foreach (var item in keys.Items)
        {
            if (item is not string key || !types.TryGetValue(key, out var type))
            {
                throw CheckpointException.ForFile(
                    file,
                    $"found a storage '{CheckpointException.Shorten(item as string ?? "?")}' that no tensor uses: where it "
                        + "ends can't be known"
                );
            }
            if (map.Length - position < CountBytes)
            {
                throw Truncated(key);
            }
            var elements = BinaryPrimitives.ReadInt64LittleEndian(map.Span(position, CountBytes));
            position += CountBytes;
            if (elements < 0 || elements > (map.Length - position) / ElementTypes.Size(type))
            {
                throw Truncated(key);
            }
            if (!storages.TryAdd(key, (position, elements, type)))
            {
                throw CheckpointException.ForFile(file, $"found storage '{CheckpointException.Shorten(key)}' twice");
            }
            position += elements * ElementTypes.Size(type);
        }
    }

    private CheckpointException Truncated(string key) =>
        CheckpointException.ForFile(
            file,
            $"found too few bytes for storage '{CheckpointException.Shorten(key)}': the file is truncated"
        );
}
