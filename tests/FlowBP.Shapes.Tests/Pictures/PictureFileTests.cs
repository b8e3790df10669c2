using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using FlowBP.Pictures;
using FlowBP.RandomStreams;

namespace FlowBP.Shapes.Tests;

public sealed class PictureFileTests
{
    private static RgbImage Noise(int width, int height)
    {
        var stream = RandomStream.For(1, width, height, RandomPurpose.Data);
        var image = new RgbImage(width, height);
        foreach (ref var value in image.Bytes.AsSpan())
        {
            value = (byte)stream.NextInt(256);
        }

        return image;
    }

    [Test]
    public void Exact_formats_read_back_the_same(
        [Values(PictureFormat.Png, PictureFormat.Webp)] PictureFormat format,
        [Values(1, 2, 31, 64)] int width,
        [Values(1, 3, 32)] int height
    )
    {
        var image = Noise(width, height);
        var file = PictureFile.Encode(image, format);
        var back = PictureFile.Decode(file);
        Assert.That((back.Width, back.Height), Is.EqualTo((width, height)));
        Assert.That(back.Bytes, Is.EqualTo(image.Bytes));
        Assert.That(PictureFile.Encode(image, format), Is.EqualTo(file), "the same pixels, the same bytes");
    }

    [Test]
    public void Every_colour_is_exact_in_PNG()
    {
        // 256 levels of each channel against 256 of another; the third differs.
        for (var shift = 0; shift < 3; shift++)
        {
            var image = new RgbImage(256, 256);
            for (var i = 0; i < 256 * 256; i++)
            {
                image.Bytes[3 * i + shift] = (byte)(i % 256);
                image.Bytes[3 * i + (shift + 1) % 3] = (byte)(i / 256);
                image.Bytes[3 * i + (shift + 2) % 3] = (byte)(85 * shift);
            }
            Assert.That(
                PictureFile.Decode(PictureFile.Encode(image, PictureFormat.Png)).Bytes,
                Is.EqualTo(image.Bytes)
            );
        }
    }

    [Test]
    public void A_PNG_file_is_8_bit_RGB_without_a_profile_or_a_time()
    {
        var file = PictureFile.Encode(Noise(7, 5), PictureFormat.Png);
        List<string> chunks = [];
        for (var at = 8; at < file.Length; at += 12 + (int)BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at)))
        {
            chunks.Add(Encoding.ASCII.GetString(file, at + 4, 4));
        }

        Assert.That(file.AsSpan(16, 13).ToArray(), Is.EqualTo(new byte[] { 0, 0, 0, 7, 0, 0, 0, 5, 8, 2, 0, 0, 0 }));
        Assert.That(chunks.Except(["IHDR", "sBIT", "IDAT", "IEND"]), Is.Empty);
    }

    [Test]
    public void A_JPEG_is_a_few_levels_off()
    {
        // A smooth picture: two ramps and a constant.
        var image = new RgbImage(64, 48);
        for (var i = 0; i < 64 * 48; i++)
        {
            (image.Bytes[3 * i], image.Bytes[3 * i + 1], image.Bytes[3 * i + 2]) = (
                (byte)(4 * (i % 64)),
                (byte)(5 * (i / 64)),
                77
            );
        }

        var back = PictureFile.Decode(PictureFile.Encode(image, PictureFormat.Jpeg));
        Assert.That(
            back.Bytes.Select(value => (int)value),
            Is.EqualTo(image.Bytes.Select(value => (int)value)).Within(5)
        );
        // A colour against its complement, pixel beside pixel: the colours keep their full resolution.
        var edges = new RgbImage(16, 16);
        for (var i = 0; i < 256; i++)
        {
            edges.Bytes.AsSpan(3 * i, 3).Fill((byte)(i % 2 * 255));
        }

        var read = PictureFile.Decode(PictureFile.Encode(edges, PictureFormat.Jpeg));
        Assert.That(
            read.Bytes.Select(value => (int)value),
            Is.EqualTo(edges.Bytes.Select(value => (int)value)).Within(12)
        );
    }

    [Test]
    public void A_rendered_scene_survives_to_within_half_a_level()
    {
        var planes = Renderer.Render(Draws.Sample(12).Scene, scale: 2);
        var file = PictureFile.Encode(RgbImage.FromPlanes(planes, 64, 64), PictureFormat.Png);
        Assert.That(PictureFile.Decode(file).ToPlanes(), Is.EqualTo(planes).Within(0.5 / 255 + 1e-6));
    }

    // Encoded by another program: one row for each of the five filters, the data in two chunks, and a text chunk.
    [Test]
    public void A_file_from_elsewhere_is_read()
    {
        var file = Convert.FromBase64String(
            "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAFCAIAAADtz9qMAAAAFHRFWHRUaXRsZQBtYWRlIGVsc2V3aGVyZTjYVGYAAA"
                + "AUSURBVHicAUEAvv8AAAoiSHy+DmzYUtpwe+lcyAAAADhJREFUARTGhkBqlL7oEjxmkAL0nETslDzkjDTchCwD2K2J"
                + "fmfQOaILdF1GBLRcBKxU/KTQ+iRE7IIZHYGElW5XAAAAAElFTkSuQmCC"
        );
        var image = PictureFile.Decode(file);
        var expected = new byte[5 * 4 * 3];
        for (var i = 0; i < expected.Length; i++)
        {
            expected[i] = (byte)(i * i * 7 + 3 * i);
        }

        Assert.That((image.Width, image.Height), Is.EqualTo((4, 5)));
        Assert.That(image.Bytes, Is.EqualTo(expected));
    }

    [Test]
    public void Sixteen_bits_are_rounded_or_cut_to_eight()
    {
        // 2 × 1 pixels: 0x1280, 0xFF00, 0x0001 and three times 0xABAB.
        var image = PictureFile.Decode(
            Png(2, 1, depth: 16, colour: 2, [0, 0x12, 0x80, 0xFF, 0x00, 0x00, 0x01, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB, 0xAB])
        );
        Assert.That(
            image.Bytes.Select(value => (int)value),
            Is.EqualTo(new[] { 0x12, 0xFF, 0, 0xAB, 0xAB, 0xAB }).Within(1)
        );
    }

    [Test]
    public void A_palette_of_two_bits_is_looked_up()
    {
        byte[] palette = [10, 20, 30, 40, 50, 60, 70, 80, 90, 255, 0, 128];
        // Indices 0 1 2 3 in one byte.
        var image = PictureFile.Decode(Png(4, 1, depth: 2, colour: 3, [0, 0b00_01_10_11], ("PLTE", palette)));
        Assert.That(image.Bytes, Is.EqualTo(palette));
    }

    [Test]
    public void Grey_has_three_equal_channels() =>
        Assert.That(
            PictureFile.Decode(Png(3, 1, depth: 8, colour: 0, [0, 0, 99, 255])).Bytes,
            Is.EqualTo(new byte[] { 0, 0, 0, 99, 99, 99, 255, 255, 255 })
        );

    [Test]
    public void What_is_transparent_lies_over_white()
    {
        // Opaque, half, not at all.
        byte[] row = [0, 200, 100, 0, 255, 200, 100, 0, 128, 200, 100, 0, 0];
        var bytes = PictureFile.Decode(Png(3, 1, depth: 8, colour: 6, row)).Bytes;
        double Over(int value) => value * 128 / 255.0 + 255 * (127 / 255.0);
        Assert.That(bytes[..3], Is.EqualTo(new byte[] { 200, 100, 0 }));
        Assert.That(
            bytes[3..6].Select(value => (double)value),
            Is.EqualTo(new[] { Over(200), Over(100), Over(0) }).Within(0.51)
        );
        Assert.That(bytes[6..], Is.EqualTo(new byte[] { 255, 255, 255 }));
    }

    [Test]
    public void An_interlaced_file_is_put_together()
    {
        // Adam7 of 2 × 2 pixels: the first in pass 1, its right neighbour in pass 6, the row below in pass 7.
        var image = PictureFile.Decode(
            Png(2, 2, depth: 8, colour: 2, [0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12], interlace: 1)
        );
        Assert.That(image.Bytes, Is.EqualTo(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }));
    }

    // Where a picture's top left corner is when a camera held it so (EXIF 2.3, tag 0x0112); here each corner of the stored picture
    // has a grey of its own.
    [TestCase(1, new[] { 0, 80, 160, 240 })]
    [TestCase(2, new[] { 80, 0, 240, 160 })]
    [TestCase(3, new[] { 240, 160, 80, 0 })]
    [TestCase(4, new[] { 160, 240, 0, 80 })]
    [TestCase(5, new[] { 0, 160, 80, 240 })]
    [TestCase(6, new[] { 160, 0, 240, 80 })]
    [TestCase(7, new[] { 240, 80, 160, 0 })]
    [TestCase(8, new[] { 80, 240, 0, 160 })]
    public void A_JPEG_stands_upright(int orientation, int[] corners)
    {
        // Four quarters of 8 × 16 pixels.
        var stored = new RgbImage(32, 16);
        for (var i = 0; i < 32 * 16; i++)
        {
            stored.Bytes.AsSpan(3 * i, 3).Fill((byte)(80 * (i % 32 / 16) + 160 * (i / 32 / 8)));
        }

        var file = PictureFile.Encode(stored, PictureFormat.Jpeg);
        byte[] exif =
        [
            0xFF,
            0xE1,
            0,
            34,
            .. "Exif\0\0MM\0*\0\0\0\b\0\u0001"u8,
            0x01,
            0x12,
            0,
            3,
            0,
            0,
            0,
            1,
            0,
            (byte)orientation,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        var image = PictureFile.Decode([.. file[..2], .. exif, .. file[2..]]);

        Assert.That((image.Width, image.Height), Is.EqualTo(orientation < 5 ? (32, 16) : (16, 32)));
        int At(int x, int y) => image.Bytes[3 * (y * image.Width + x)];
        (var right, var bottom) = (image.Width - 3, image.Height - 3);
        int[] found = [At(2, 2), At(right, 2), At(2, bottom), At(right, bottom)];
        Assert.That(found, Is.EqualTo(corners).Within(3));
    }

    [Test]
    public void Damage_is_noticed()
    {
        var png = PictureFile.Encode(Noise(64, 64), PictureFormat.Png);
        var jpeg = PictureFile.Encode(Noise(64, 64), PictureFormat.Jpeg);
        byte[] flipped = [.. png];
        flipped[png.Length / 2] ^= 1;
        Assert.Multiple(() =>
        {
            Assert.That(() => PictureFile.Decode(flipped), Throws.TypeOf<InvalidDataException>());
            Assert.That(
                () => PictureFile.Decode(png[..^200]),
                Throws.TypeOf<InvalidDataException>().With.Message.Contains("ends before its last pixel")
            );
            Assert.That(() => PictureFile.Decode(jpeg[..^500]), Throws.TypeOf<InvalidDataException>());
            Assert.That(
                () => PictureFile.Decode("no picture at all"u8),
                Throws.TypeOf<InvalidDataException>().With.Message.StartsWith("not a PNG, JPEG or WebP picture")
            );
            Assert.That(() => PictureFile.Decode([]), Throws.TypeOf<InvalidDataException>());
            Assert.That(
                () =>
                    PictureFile.Decode(
                        Convert.FromBase64String("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
                    ),
                Throws.TypeOf<InvalidDataException>().With.Message.Contains("Gif picture; only PNG, JPEG and WebP")
            );
        });
    }

    [Test]
    public void A_header_that_promises_a_huge_picture_is_refused_before_memory_is_taken() =>
        Assert.That(
            () => PictureFile.Decode(Png(1_000_000, 1_000_000, depth: 8, colour: 2, [0])),
            Throws.TypeOf<InvalidDataException>()
        );

    [Test]
    public void A_file_round_trip_names_the_file_when_it_fails([Values("png", "webp")] string extension)
    {
        var folder = Directory.CreateTempSubdirectory("pictures").FullName;
        try
        {
            var path = Path.Combine(folder, $"picture.{extension}");
            var image = Noise(5, 4);
            PictureFile.Save(path, image);
            Assert.That(PictureFile.Load(path).Bytes, Is.EqualTo(image.Bytes));
            Assert.That(Directory.GetFiles(folder), Has.Length.EqualTo(1), "no partial file is left");
            File.WriteAllText(path, "no picture");
            Assert.That(
                () => PictureFile.Load(path),
                Throws.TypeOf<InvalidDataException>().With.Message.StartsWith(path)
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestCase("a.png", PictureFormat.Png, ".png")]
    [TestCase("b/c.JPG", PictureFormat.Jpeg, ".jpg")]
    [TestCase("d.jpeg", PictureFormat.Jpeg, ".jpg")]
    [TestCase("e.f.webp", PictureFormat.Webp, ".webp")]
    public void A_file_s_name_says_its_format(string path, PictureFormat format, string extension)
    {
        Assert.That(PictureFormats.Of(path), Is.EqualTo(format));
        Assert.That(format.Extension(), Is.EqualTo(extension));
    }

    [TestCase("picture.tiff", "picture.tiff: .tiff is no format of a picture here")]
    [TestCase("picture", "picture says no format of a picture")]
    public void Other_names_are_refused(string path, string message)
    {
        Assert.That(() => PictureFormats.Of(path), Throws.ArgumentException.With.Message.StartsWith(message));
        Assert.That(() => PictureFile.Save(path, new(1, 1)), Throws.ArgumentException);
        Assert.That(File.Exists(path), Is.False);
    }

    [Test]
    public void A_picture_that_is_too_long_for_a_format_is_refused_and_another_format_takes_it()
    {
        var image = new RgbImage(16384, 1);
        Assert.That(
            () => PictureFile.Encode(image, PictureFormat.Webp),
            Throws.ArgumentException.With.Message.Contains("16384 × 1 pixels does not fit into a .webp file")
        );
        Assert.That(PictureFile.Decode(PictureFile.Encode(image, PictureFormat.Png)).Width, Is.EqualTo(16384));
    }

    [Test]
    public void Values_out_of_range_are_clamped()
    {
        var image = RgbImage.FromPlanes([-1, 2, float.NaN], 1, 1);
        Assert.That(image.Bytes, Is.EqualTo((byte[])[0, 255, 0]));
    }

    // A PNG file of any kind: what its header says, and rows with their filters (0: none).
    private static byte[] Png(
        int width,
        int height,
        byte depth,
        byte colour,
        byte[] rows,
        (string Type, byte[] Data)? extra = null,
        byte interlace = 0
    )
    {
        byte[] header = [0, 0, 0, 0, 0, 0, 0, 0, depth, colour, 0, 0, interlace];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        using var compressed = new MemoryStream();
        using (var zlib = new ZLibStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            zlib.Write(rows);
        }

        return
        [
            .. (byte[])[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A],
            .. Chunk("IHDR", header),
            .. extra is { } given ? Chunk(given.Type, given.Data) : [],
            .. Chunk("IDAT", compressed.ToArray()),
            .. Chunk("IEND", []),
        ];
    }

    private static byte[] Chunk(string type, byte[] data)
    {
        byte[] named = [.. Encoding.ASCII.GetBytes(type), .. data];
        var crc = uint.MaxValue;
        foreach (var value in named)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
            }
        }
        byte[] chunk = [0, 0, 0, 0, .. named, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), ~crc);
        return chunk;
    }
}
