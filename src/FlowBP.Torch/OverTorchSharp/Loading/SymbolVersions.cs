// A shared library lists the symbol versions that it needs of others (section .gnu.version_r); the loader refuses the library
// when one of them is missing, unless the entry is marked weak. Marking it is right only where nothing that the library calls
// has that version, which its caller has to know of the file. Layouts: System V gABI and the Linux Standard Base, 64 bits.

using System.Buffers.Binary;

namespace FlowBP.Torch;

/// <summary>The symbol versions that an ELF file needs.</summary>
internal static class SymbolVersions
{
    private const uint NeededVersions = 0x6FFF_FFFE;
    private const ushort Weak = 2;

    private const int SectionTable = 0x28;
    private const int SectionSize = 0x3A;
    private const int SectionCount = 0x3C;

    /// <summary>Marks a needed version as weak.</summary>
    /// <param name="file">A little-endian 64-bit ELF file; changed in place.</param>
    /// <param name="version">The version's name, such as <c>GLIBCXX_3.4.32</c>.</param>
    /// <returns>Where the changed byte stands; -1: the file is no such file, or needs no such version; nothing was changed.</returns>
    public static int MakeWeak(Span<byte> file, string version)
    {
        if (file.Length < 64 || !file[..6].SequenceEqual("\u007FELF\u0002\u0001"u8))
        {
            return -1;
        }
        var hash = Hash(version);
        var table = BinaryPrimitives.ReadUInt64LittleEndian(file[SectionTable..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(file[SectionSize..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(file[SectionCount..]);
        for (var i = 0; i < count; i++)
        {
            if (At(file, table + ((ulong)i * (ulong)size), 64) is not { IsEmpty: false } section)
            {
                return -1;
            }
            if (BinaryPrimitives.ReadUInt32LittleEndian(section[4..]) == NeededVersions)
            {
                var offset = BinaryPrimitives.ReadUInt64LittleEndian(section[0x18..]);
                var found = Find(file, offset, hash);
                if (found >= 0)
                {
                    file[found] |= (byte)Weak;
                }
                return found;
            }
        }
        return -1;
    }

    // Verneed entries (one per library) each head a chain of Vernaux entries (one per version). No two of them share bytes, so
    // that a file has room for only so many: what goes on longer is a circle.
    private static int Find(Span<byte> file, ulong need, uint hash)
    {
        var room = file.Length / 16;
        while (room-- > 0 && At(file, need, 16) is { IsEmpty: false } entry)
        {
            var version = need + BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]);
            while (room-- > 0 && At(file, version, 16) is { IsEmpty: false } wanted)
            {
                if (BinaryPrimitives.ReadUInt32LittleEndian(wanted) == hash)
                {
                    return (int)version + 4;
                }
                var next = BinaryPrimitives.ReadUInt32LittleEndian(wanted[12..]);
                if (next == 0)
                {
                    break;
                }
                version += next;
            }
            var following = BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]);
            if (following == 0)
            {
                break;
            }
            need += following;
        }
        return -1;
    }

    private static Span<byte> At(Span<byte> file, ulong offset, int length) =>
        offset <= int.MaxValue && (int)offset + (long)length <= file.Length ? file.Slice((int)offset, length) : [];

    // The hash of the System V ABI.
    private static uint Hash(string name)
    {
        var hash = 0u;
        foreach (var letter in name)
        {
            hash = (hash << 4) + letter;
            var high = hash & 0xF000_0000;
            hash = (hash ^ (high >> 24)) & ~high;
        }
        return hash;
    }
}
