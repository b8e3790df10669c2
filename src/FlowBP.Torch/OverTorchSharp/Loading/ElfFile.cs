// A download that broke off leaves the beginning of a library. The system's loader maps it all the same and is then killed by a
// signal when it touches what is missing, so the file is looked at before the loader sees it. Layout: System V gABI, 64 bits.

using System.Buffers.Binary;

namespace FlowBP.Torch;

/// <summary>A shared library as a file.</summary>
internal static class ElfFile
{
    private const int HeaderSize = 64;
    private const int SegmentTable = 0x20;
    private const int SegmentSize = 0x36;
    private const int SegmentCount = 0x38;
    private const uint Loaded = 1;

    /// <summary>Part of what <see cref="Damage"/> says of a file that is whole, for all anybody knows.</summary>
    public const string Unreadable = "may not read";

    /// <summary>What is wrong with a file that should be a library; null: it has all that the loader would map.</summary>
    /// <param name="path">The file.</param>
    public static string? Damage(string path)
    {
        try
        {
            return DamageOf(path);
        }
        catch (IOException e)
        {
            return e.Message.ReplaceLineEndings(" ");
        }
        catch (UnauthorizedAccessException)
        {
            // Links are made where the package's folder is on another file system.
            return new FileInfo(path).LinkTarget is { } target
                ? $"it is a link to {target}, which the user {Environment.UserName} {Unreadable}: its owner can put a copy in the link's place,"
                    + " or build with a NuGet cache that everybody may read (NUGET_PACKAGES)"
                : $"the user {Environment.UserName} {Unreadable} it: its owner can allow that (chmod a+r)";
        }
    }

    private static string? DamageOf(string path)
    {
        using var file = File.OpenHandle(path);
        var length = RandomAccess.GetLength(file);
        Span<byte> header = stackalloc byte[HeaderSize];
        if (!Read(header, 0) || !header[..6].SequenceEqual("\u007FELF\u0002\u0001"u8))
        {
            return $"it is no shared library ({length} bytes)";
        }
        var table = BinaryPrimitives.ReadUInt64LittleEndian(header[SegmentTable..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(header[SegmentSize..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[SegmentCount..]);
        Span<byte> segment = stackalloc byte[56];
        for (var i = 0; i < count; i++)
        {
            if (!Read(segment, table + ((ulong)i * (ulong)size)))
            {
                return $"it breaks off after {length} bytes, in its list of segments";
            }
            var begin = BinaryPrimitives.ReadUInt64LittleEndian(segment[8..]);
            var bytes = BinaryPrimitives.ReadUInt64LittleEndian(segment[32..]);
            if (
                BinaryPrimitives.ReadUInt32LittleEndian(segment) == Loaded
                && (begin > (ulong)length || bytes > (ulong)length - begin)
            )
            {
                return $"it breaks off after {length} bytes, and has to have {begin + bytes} at least";
            }
        }
        return null;

        bool Read(Span<byte> bytes, ulong offset) =>
            offset <= (ulong)length
            && (ulong)bytes.Length <= (ulong)length - offset
            && RandomAccess.Read(file, bytes, (long)offset) == bytes.Length;
    }
}
