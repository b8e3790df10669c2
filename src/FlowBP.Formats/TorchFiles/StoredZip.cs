// The outer layer of torch.save since 1.6: a zip archive whose entries are stored, never compressed, so that a tensor's bytes
// lie in the file as they lie in memory and can be mapped. This reader finds out where. It takes nothing but stored entries,
// and therefore no archive can unpack to more than its own size. The archive classes of .NET would hand out streams only.
//
// Layout: APPNOTE 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end, zip64).

using System.Buffers.Binary;
using System.Text;

namespace FlowBP.Formats;

/// <summary>Where a stored entry's bytes lie in the archive.</summary>
internal readonly record struct ZipRange(long Offset, long Bytes);

internal sealed class StoredZip
{
    private const uint LocalSignature = 0x04034B50;
    private const uint CentralSignature = 0x02014B50;
    private const uint EndSignature = 0x06054B50;
    private const uint End64Signature = 0x06064B50;
    private const uint Locator64Signature = 0x07064B50;
    private const int LocalBytes = 30;
    private const int CentralBytes = 46;
    private const int EndBytes = 22;
    private const int Locator64Bytes = 20;
    private const int End64Bytes = 56;
    private const int MostEntries = 1_000_000;
    private const ushort Zip64Extra = 1;

    private readonly MappedFile map;
    private readonly Dictionary<string, ZipRange> entries = new(StringComparer.Ordinal);

    private StoredZip(MappedFile map) => this.map = map;

    /// <summary>Entries by name.</summary>
    public IReadOnlyDictionary<string, ZipRange> Entries => entries;

    /// <summary>Reads an archive's directory.</summary>
    /// <exception cref="CheckpointException">The archive is truncated, compressed, encrypted or inconsistent.</exception>
    public static StoredZip Read(MappedFile map)
    {
        var zip = new StoredZip(map);
        zip.ReadDirectory();
        return zip;
    }

    private void ReadDirectory()
    {
        (var position, var bytes, var count) = FindDirectory();
        var end = position + bytes;
        if (count > MostEntries)
        {
            throw Damaged($"{count} entries, expected at most {MostEntries}");
        }
        for (long i = 0; i < count; i++)
        {
            var header = At(position, CentralBytes);
            if (U32(header, 0) != CentralSignature)
            {
                throw Damaged($"no entry at byte {position} of its directory");
            }
            int nameBytes = U16(header, 28);
            int extraBytes = U16(header, 30);
            var name = Encoding.UTF8.GetString(At(position + CentralBytes, nameBytes));
            AddEntry(name, header, At(position + CentralBytes + nameBytes, extraBytes));
            position += CentralBytes + nameBytes + extraBytes + U16(header, 32);
            if (position > end)
            {
                throw Damaged("a directory that is longer than it says");
            }
        }
    }

    private void AddEntry(string name, ReadOnlySpan<byte> header, ReadOnlySpan<byte> extra)
    {
        var shown = CheckpointException.Shorten(name);
        int method = U16(header, 10);
        if (method != 0)
        {
            throw Damaged(
                $"the entry '{shown}' compressed (method {method}), expected entries as torch.save stores them: "
                    + "uncompressed; unpack it and pack it again with zip -0"
            );
        }
        if ((U16(header, 8) & 1) != 0)
        {
            throw Damaged($"the entry '{shown}' encrypted");
        }
        long packed = U32(header, 20);
        long unpacked = U32(header, 24);
        long local = U32(header, 42);
        ReadZip64(extra, ref unpacked, ref packed, ref local);
        if (packed != unpacked)
        {
            throw Damaged($"the entry '{shown}' stored in {packed} bytes, expected {unpacked}");
        }
        var before = At(local, LocalBytes);
        if (U32(before, 0) != LocalSignature)
        {
            throw Damaged($"no header of the entry '{shown}' at byte {local}");
        }
        var data = local + LocalBytes + U16(before, 26) + U16(before, 28);
        if (data > map.Length || unpacked > map.Length - data)
        {
            throw Damaged($"the entry '{shown}' from byte {data}, {unpacked} long, in a file of {map.Length}");
        }
        if (!entries.TryAdd(name, new ZipRange(data, unpacked)))
        {
            throw Damaged($"two entries named '{shown}'");
        }
    }

    // A field of all ones in the header means that the real value is in the extra field, in this order.
    private void ReadZip64(ReadOnlySpan<byte> extra, ref long unpacked, ref long packed, ref long local)
    {
        while (extra.Length >= 4)
        {
            int size = U16(extra, 2);
            if (size > extra.Length - 4)
            {
                throw Damaged("an extra field that is longer than its entry");
            }
            if (U16(extra, 0) == Zip64Extra)
            {
                var values = extra.Slice(4, size);
                Next(ref values, ref unpacked);
                Next(ref values, ref packed);
                Next(ref values, ref local);
            }
            extra = extra[(4 + size)..];
        }
    }

    private void Next(ref ReadOnlySpan<byte> values, ref long field)
    {
        if (field != uint.MaxValue)
        {
            return;
        }
        if (values.Length < 8)
        {
            throw Damaged("an extra field that is too short");
        }
        field = Nonnegative(BinaryPrimitives.ReadUInt64LittleEndian(values));
        values = values[8..];
    }

    private (long Position, long Bytes, long Count) FindDirectory()
    {
        // The record at the end may be followed by a comment of up to 65535 bytes.
        var first = Math.Max(0, map.Length - EndBytes - ushort.MaxValue);
        var tail = At(first, (int)(map.Length - first));
        for (var i = tail.Length - EndBytes; i >= 0; i--)
        {
            if (U32(tail, i) == EndSignature)
            {
                var end = tail[i..];
                return FindDirectory64(first + i) ?? (U32(end, 16), U32(end, 12), U16(end, 10));
            }
        }
        throw CheckpointException.ForFile(
            map.Path,
            "found no directory at the end of the archive: the file is truncated"
        );
    }

    private (long Position, long Bytes, long Count)? FindDirectory64(long end)
    {
        if (end < Locator64Bytes)
        {
            return null;
        }
        var locator = At(end - Locator64Bytes, Locator64Bytes);
        if (U32(locator, 0) != Locator64Signature)
        {
            return null;
        }
        var record = At(Nonnegative(BinaryPrimitives.ReadUInt64LittleEndian(locator[8..])), End64Bytes);
        if (U32(record, 0) != End64Signature)
        {
            throw Damaged("no zip64 directory where its locator points");
        }
        return (
            Nonnegative(BinaryPrimitives.ReadUInt64LittleEndian(record[48..])),
            Nonnegative(BinaryPrimitives.ReadUInt64LittleEndian(record[40..])),
            Nonnegative(BinaryPrimitives.ReadUInt64LittleEndian(record[32..]))
        );
    }

    private long Nonnegative(ulong value) =>
        value <= long.MaxValue ? (long)value : throw Damaged($"the number {value}, more than any file has bytes");

    private ReadOnlySpan<byte> At(long offset, int bytes) =>
        offset <= map.Length && bytes <= map.Length - offset
            ? map.Span(offset, bytes)
            : throw Damaged($"{bytes} bytes to read at byte {offset} of {map.Length}");

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private CheckpointException Damaged(string found) =>
        CheckpointException.ForFile(map.Path, $"the archive is damaged or hostile: found {found}");
}
