// PNG for the one kind of picture this project has: 8-bit RGB, not interlaced. The format's compression and checksum
// are in the base library or a few lines; a dependency would be larger than this file. Filters are chosen row by row
// by the smallest sum of magnitudes, the heuristic the PNG specification (W3C, section 12.7) recommends.
using System.Buffers.Binary;
using System.IO.Compression;

namespace FlowBP.Shapes.Pictures;

/// <summary>Writes and reads 8-bit RGB PNG files.</summary>
public static class Png
{
    private const int BytesPerPixel = 3;
    private static readonly byte[] s_signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];
    private static readonly uint[] s_crcTable = [.. Enumerable.Range(0, 256).Select(CrcOfByte)];

    /// <summary>Writes a picture to a file; a half-written file is never left under its name.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="image">The picture.</param>
    public static void Save(string path, RgbImage image)
    {
        string partial = path + ".partial";
        File.WriteAllBytes(partial, Encode(image));
        File.Move(partial, path, overwrite: true);
    }

    /// <summary>Reads a picture from a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">Not a PNG file of this kind, or damaged; the message names the file.</exception>
    public static RgbImage Load(string path)
    {
        try
        {
            return Decode(File.ReadAllBytes(path));
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>A picture as the bytes of a PNG file.</summary>
    /// <param name="image">The picture.</param>
    public static byte[] Encode(RgbImage image)
    {
        using var file = new MemoryStream();
        file.Write(s_signature);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, image.Width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], image.Height);
        // Bit depth 8, colour type 2 (RGB), and the only compression, filter and no interlace method.
        ReadOnlySpan<byte> kind = [8, 2, 0, 0, 0];
        kind.CopyTo(header[8..]);
        WriteChunk(file, "IHDR"u8, header);
        WriteChunk(file, "IDAT"u8, Compress(image));
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    /// <summary>The picture in the bytes of a PNG file.</summary>
    /// <param name="file">A whole file: 8 bits per channel, RGB, not interlaced.</param>
    /// <exception cref="InvalidDataException">Not such a file, or damaged.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith(s_signature))
            throw new InvalidDataException("not a PNG file: the signature is missing");
        RgbImage? image = null;
        using var compressed = new MemoryStream();
        ReadOnlySpan<byte> rest = file[s_signature.Length..];
        while (true)
        {
            ReadOnlySpan<byte> type = ReadChunk(ref rest, out ReadOnlySpan<byte> data);
            if (type.SequenceEqual("IHDR"u8))
                image = ReadHeader(data);
            else if (type.SequenceEqual("IDAT"u8))
                compressed.Write(data);
            else if (type.SequenceEqual("IEND"u8))
                break;
        }
        if (image is null)
            throw new InvalidDataException("the PNG file has no header (IHDR)");
        compressed.Position = 0;
        Decompress(compressed, image);
        return image;
    }

    private static byte[] Compress(RgbImage image)
    {
        int stride = BytesPerPixel * image.Width;
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.SmallestSize))
        {
            byte[] above = new byte[stride];
            byte[] candidate = new byte[stride];
            byte[] best = new byte[stride];
            for (int y = 0; y < image.Height; y++)
            {
                ReadOnlySpan<byte> row = image.Bytes.AsSpan(y * stride, stride);
                byte bestFilter = 0;
                long bestCost = long.MaxValue;
                for (byte filter = 0; filter < 5; filter++)
                {
                    long cost = 0;
                    for (int i = 0; i < stride; i++)
                    {
                        candidate[i] = (byte)(row[i] - Predict(filter, row, above, i));
                        cost += Math.Abs((int)(sbyte)candidate[i]);
                    }
                    if (cost < bestCost)
                    {
                        (bestFilter, bestCost) = (filter, cost);
                        (best, candidate) = (candidate, best);
                    }
                }
                zlib.WriteByte(bestFilter);
                zlib.Write(best);
                row.CopyTo(above);
            }
        }
        return compressed.ToArray();
    }

    private static void Decompress(Stream compressed, RgbImage image)
    {
        int stride = BytesPerPixel * image.Width;
        using var zlib = new ZLibStream(compressed, CompressionMode.Decompress);
        byte[] above = new byte[stride];
        byte[] line = new byte[stride + 1];
        for (int y = 0; y < image.Height; y++)
        {
            if (zlib.ReadAtLeast(line, line.Length, throwOnEndOfStream: false) < line.Length)
                throw new InvalidDataException($"the PNG file ends in row {y} of {image.Height}");
            byte filter = line[0];
            if (filter > 4)
                throw new InvalidDataException($"row {y} of the PNG file has filter {filter}; filters are 0 to 4");
            Span<byte> row = image.Bytes.AsSpan(y * stride, stride);
            for (int i = 0; i < stride; i++)
                row[i] = (byte)(line[i + 1] + Predict(filter, row, above, i));
            row.CopyTo(above);
        }
    }

    /// <summary>The prediction of a byte from bytes to its left and above (PNG specification, section 9).</summary>
    private static int Predict(byte filter, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, int i)
    {
        int left = i >= BytesPerPixel ? row[i - BytesPerPixel] : 0;
        int up = above[i];
        return filter switch
        {
            0 => 0,
            1 => left,
            2 => up,
            3 => (left + up) / 2,
            _ => Paeth(left, up, i >= BytesPerPixel ? above[i - BytesPerPixel] : 0),
        };
    }

    private static int Paeth(int left, int up, int corner)
    {
        int guess = left + up - corner;
        int toLeft = Math.Abs(guess - left);
        int toUp = Math.Abs(guess - up);
        int toCorner = Math.Abs(guess - corner);
        return toLeft <= toUp && toLeft <= toCorner ? left
            : toUp <= toCorner ? up
            : corner;
    }

    private static void WriteChunk(Stream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        file.Write(word);
        file.Write(type);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(word, Crc(type, data));
        file.Write(word);
    }

    private static ReadOnlySpan<byte> ReadChunk(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> data)
    {
        const int Frame = 12;
        uint length = rest.Length < Frame ? 0 : BinaryPrimitives.ReadUInt32BigEndian(rest);
        if (rest.Length < Frame || length > rest.Length - Frame)
            throw new InvalidDataException("the PNG file ends in the middle of a chunk");
        ReadOnlySpan<byte> type = rest.Slice(4, 4);
        data = rest.Slice(8, (int)length);
        if (BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + (int)length)..]) != Crc(type, data))
            throw new InvalidDataException("a chunk of the PNG file is damaged: its checksum is wrong");
        rest = rest[(Frame + (int)length)..];
        return type;
    }

    private static RgbImage ReadHeader(ReadOnlySpan<byte> data)
    {
        if (data.Length != 13)
            throw new InvalidDataException($"the PNG header has {data.Length} bytes, expected 13");
        int width = BinaryPrimitives.ReadInt32BigEndian(data);
        int height = BinaryPrimitives.ReadInt32BigEndian(data[4..]);
        if (data[8] != 8 || data[9] != 2 || data[12] != 0)
        {
            throw new InvalidDataException(
                $"bit depth {data[8]}, colour type {data[9]}, interlace {data[12]}; only 8-bit RGB (8, 2, 0) can be read"
            );
        }
        if (width < 1 || height < 1 || (long)width * height > Array.MaxLength / BytesPerPixel)
            throw new InvalidDataException($"a picture of {width}×{height} pixels can't be read");
        return new(width, height);
    }

    private static uint Crc(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in type)
            crc = s_crcTable[(byte)(crc ^ value)] ^ (crc >> 8);
        foreach (byte value in data)
            crc = s_crcTable[(byte)(crc ^ value)] ^ (crc >> 8);
        return ~crc;
    }

    private static uint CrcOfByte(int value)
    {
        uint crc = (uint)value;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
        return crc;
    }
}
