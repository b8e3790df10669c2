// Files around a pickle: torch's zip archive, whose entries are stored and aligned by padding, and the layout before it.

using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace FlowBP.Models.Tests;

internal static class TorchFileWriter
{
    private const int Alignment = 64;
    private static readonly BigInteger Magic = BigInteger.Parse("119547037146038801333356");

    /// <summary>An archive with a description and its storages.</summary>
    public static byte[] Zip(byte[] pickle, params (string Key, byte[] Bytes)[] storages) =>
        Archive([
            ("archive/data.pkl", pickle),
            ("archive/byteorder", "little"u8.ToArray()),
            .. storages.Select(s => ($"archive/data/{s.Key}", s.Bytes)),
            ("archive/version", "3\n"u8.ToArray()),
        ]);

    /// <summary>Stored entries, padded by an extra field so that their bytes are aligned, and their directory.</summary>
    public static byte[] Archive(params (string Name, byte[] Bytes)[] entries)
    {
        using var file = new MemoryStream();
        using var directory = new MemoryStream();
        foreach (var (name, content) in entries)
        {
            var utf8 = Encoding.UTF8.GetBytes(name);
            var local = file.Position;
            var padding = (int)((Alignment - (local + 30 + utf8.Length + 4) % Alignment) % Alignment);
            file.Write(Header(0x04034B50, [20, 0, 0, 0, 0], content.Length, utf8.Length, 4 + padding));
            file.Write(utf8);
            file.Write([(byte)'F', (byte)'B', (byte)padding, 0]);
            file.Write(new byte[padding]);
            file.Write(content);
            directory.Write(Header(0x02014B50, [20, 20, 0, 0, 0, 0], content.Length, utf8.Length, 0));
            directory.Write(new byte[10]);
            directory.Write(BitConverter.GetBytes((int)local));
            directory.Write(utf8);
        }
        var start = file.Position;
        directory.WriteTo(file);
        file.Write(BitConverter.GetBytes(0x06054B50));
        file.Write(new byte[4]);
        file.Write(BitConverter.GetBytes((ushort)entries.Length));
        file.Write(BitConverter.GetBytes((ushort)entries.Length));
        file.Write(BitConverter.GetBytes((int)directory.Length));
        file.Write(BitConverter.GetBytes((int)start));
        file.Write(new byte[2]);
        return file.ToArray();
    }

    /// <summary>The layout before torch 1.6: pickles one after another, then the storages.</summary>
    public static byte[] Legacy(byte[] pickle, params (string Key, int Elements, byte[] Bytes)[] storages)
    {
        using var file = new MemoryStream();
        file.Write(PickleWriter.Of(p => p.Int(Magic)));
        file.Write(PickleWriter.Of(p => p.Int(1001)));
        file.Write(
            PickleWriter.Of(p =>
                p.Op('}').Op('(').Text("protocol_version").Int(1001).Text("little_endian").Raw(0x88).Op('u')
            )
        );
        file.Write(pickle);
        file.Write(
            PickleWriter.Of(p =>
            {
                p.Op(']').Op('(');
                foreach (var (key, _, _) in storages)
                {
                    p.Text(key);
                }
                p.Op('e');
            })
        );
        foreach (var (_, elements, bytes) in storages)
        {
            file.Write(BitConverter.GetBytes((long)elements));
            file.Write(bytes);
        }
        return file.ToArray();
    }

    public static byte[] Floats(params float[] values)
    {
        var bytes = new byte[values.Length * sizeof(float)];
        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
        }
        return bytes;
    }

    // Signature, five or six words (versions, flags, method, time, date), checksum, two sizes, lengths of name and extra.
    private static byte[] Header(uint signature, ushort[] words, int bytes, int nameBytes, int extraBytes)
    {
        using var header = new MemoryStream();
        header.Write(BitConverter.GetBytes(signature));
        foreach (var word in words)
        {
            header.Write(BitConverter.GetBytes(word));
        }
        header.Write(new byte[4]);
        header.Write(BitConverter.GetBytes(bytes));
        header.Write(BitConverter.GetBytes(bytes));
        header.Write(BitConverter.GetBytes((ushort)nameBytes));
        header.Write(BitConverter.GetBytes((ushort)extraBytes));
        return header.ToArray();
    }
}
