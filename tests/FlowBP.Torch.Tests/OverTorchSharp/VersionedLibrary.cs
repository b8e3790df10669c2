// A shared library that holds nothing but the versions that it needs, laid out by hand (System V gABI, Linux Standard Base), so
// that every field can be made wrong.

using System.Buffers.Binary;

namespace FlowBP.Torch.Tests;

internal static class VersionedLibrary
{
    /// <summary>Where the Verneed entries begin: after the ELF header and one section header.</summary>
    public const int Needs = 64 + 64;

    /// <summary>Where the Vernaux entries of a library begin in <see cref="WithVersions"/>.</summary>
    public static int Versions(int library) => Needs + (library * 48) + 16;

    /// <summary>The bytes of a library that needs two versions of each of some libraries.</summary>
    /// <param name="hashes">The hashes of the versions' names, two per library.</param>
    public static byte[] WithVersions(params uint[] hashes)
    {
        var libraries = hashes.Length / 2;
        var file = new byte[Needs + (libraries * 48)];
        "\u007FELF\u0002\u0001"u8.CopyTo(file);
        Put64(file, 0x28, 64);
        Put16(file, 0x3A, 64);
        Put16(file, 0x3C, 1);
        Put32(file, 64 + 4, 0x6FFF_FFFE);
        Put64(file, 64 + 0x18, Needs);
        for (var library = 0; library < libraries; library++)
        {
            var need = Needs + (library * 48);
            Put16(file, need, 1);
            Put16(file, need + 2, 2);
            Put32(file, need + 8, 16);
            Put32(file, need + 12, library == libraries - 1 ? 0u : 48u);
            Put32(file, need + 16, hashes[2 * library]);
            Put32(file, need + 16 + 12, 16);
            Put32(file, need + 32, hashes[(2 * library) + 1]);
        }
        return file;
    }

    public static void Put16(Span<byte> file, int at, ushort value) =>
        BinaryPrimitives.WriteUInt16LittleEndian(file[at..], value);

    public static void Put32(Span<byte> file, int at, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(file[at..], value);

    public static void Put64(Span<byte> file, int at, ulong value) =>
        BinaryPrimitives.WriteUInt64LittleEndian(file[at..], value);
}
