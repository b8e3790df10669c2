// The layout since torch 1.6: a zip archive with one folder, in it data.pkl (the description) and data/0, data/1 … (the
// storages), version, and in newer ones byteorder.

namespace FlowBP.Formats;

internal sealed class TorchZipLayout : ITorchLayout
{
    private const string Description = "data.pkl";

    private readonly StoredZip zip;
    private readonly string file;
    private readonly string folder;

    private TorchZipLayout(MappedFile map)
    {
        file = map.Path;
        zip = StoredZip.Read(map);
        string[] found = [.. zip.Entries.Keys.Where(name => name == Description || name.EndsWith('/' + Description))];
        if (found.Length != 1)
        {
            throw CheckpointException.ForFile(
                file,
                $"found {found.Length} entries named {Description} in the archive, expected one: no file of torch.save"
            );
        }
        folder = found[0][..^Description.Length];
        RefuseByteOrder(map);
        var description = zip.Entries[found[0]];
        if (description.Bytes > PickleReader.MostBytes)
        {
            throw CheckpointException.ForFile(
                file,
                $"found a description of {description.Bytes} bytes, expected at most {PickleReader.MostBytes}"
            );
        }
        Root = PickleReader.Read(file, map.Span(description.Offset, (int)description.Bytes), out _);
    }

    /// <inheritdoc/>
    public object? Root { get; }

    /// <summary>Whether a file may have this layout.</summary>
    public static bool Matches(MappedFile map) => map.Span(0, 4).SequenceEqual("PK\x03\x04"u8);

    /// <summary>Reads the description.</summary>
    public static TorchZipLayout Read(MappedFile map) => new(map);

    /// <inheritdoc/>
    public long OffsetOf(TorchStorage storage)
    {
        if (!zip.Entries.TryGetValue($"{folder}data/{storage.Key}", out var range))
        {
            throw CheckpointException.ForFile(file, $"found no storage '{CheckpointException.Shorten(storage.Key)}'");
        }
        var most = range.Bytes / ElementTypes.Size(storage.Type);
        return storage.FirstElement <= most && storage.Elements <= most - storage.FirstElement
            ? range.Offset + storage.FirstElement * ElementTypes.Size(storage.Type)
            : throw CheckpointException.ForFile(
                file,
                $"found {range.Bytes} bytes in storage '{CheckpointException.Shorten(storage.Key)}', "
                    + $"expected {storage.Elements} elements of {storage.Type}"
            );
    }

    private void RefuseByteOrder(MappedFile map)
    {
        if (
            zip.Entries.TryGetValue(folder + "byteorder", out var order)
            && !(order.Bytes == 6 && map.Span(order.Offset, 6).SequenceEqual("little"u8))
        )
        {
            throw CheckpointException.ForFile(file, "found a byte order that is not 'little'");
        }
    }
}
