using System.Text;
using FlowBP.Kernels;
using FlowBP.Shapes.Pictures;

namespace FlowBP.Shapes.Tests;

public sealed class PngTests
{
    private static RgbImage Noise(int width, int height)
    {
        RandomStream stream = RandomStream.For(1, width, height, RandomPurpose.Data);
        var image = new RgbImage(width, height);
        foreach (ref byte value in image.Bytes.AsSpan())
            value = (byte)stream.NextInt(256);
        return image;
    }

    [Test]
    public void What_is_written_reads_back_the_same([Values(1, 2, 31, 64)] int width, [Values(1, 3, 32)] int height)
    {
        RgbImage image = Noise(width, height);
        RgbImage back = Png.Decode(Png.Encode(image));
        Assert.That((back.Width, back.Height), Is.EqualTo((width, height)));
        Assert.That(back.Bytes, Is.EqualTo(image.Bytes));
    }

    [Test]
    public void A_rendered_scene_survives_to_within_half_a_level()
    {
        float[] planes = Renderer.Render(Draws.Sample(12).Scene, scale: 2);
        float[] back = Png.Decode(Png.Encode(RgbImage.FromPlanes(planes, 64, 64))).ToPlanes();
        Assert.That(back, Is.EqualTo(planes).Within(0.5 / 255 + 1e-6));
    }

    // Encoded by another program: one row for each of the five filters, the data in two chunks, and a text chunk.
    [Test]
    public void A_file_from_elsewhere_is_read()
    {
        byte[] file = Convert.FromBase64String(
            "iVBORw0KGgoAAAANSUhEUgAAAAQAAAAFCAIAAADtz9qMAAAAFHRFWHRUaXRsZQBtYWRlIGVsc2V3aGVyZTjYVGYAAA"
                + "AUSURBVHicAUEAvv8AAAoiSHy+DmzYUtpwe+lcyAAAADhJREFUARTGhkBqlL7oEjxmkAL0nETslDzkjDTchCwD2K2J"
                + "fmfQOaILdF1GBLRcBKxU/KTQ+iRE7IIZHYGElW5XAAAAAElFTkSuQmCC"
        );
        RgbImage image = Png.Decode(file);
        byte[] expected = new byte[5 * 4 * 3];
        for (int i = 0; i < expected.Length; i++)
            expected[i] = (byte)(i * i * 7 + 3 * i);
        Assert.That((image.Width, image.Height), Is.EqualTo((4, 5)));
        Assert.That(image.Bytes, Is.EqualTo(expected));
    }

    [Test]
    public void Damage_is_noticed()
    {
        byte[] file = Png.Encode(Noise(8, 8));
        byte[] flipped = [.. file];
        flipped[50] ^= 1;
        Assert.Multiple(() =>
        {
            Assert.That(
                () => Png.Decode(flipped),
                Throws.TypeOf<InvalidDataException>().With.Message.Contains("checksum")
            );
            Assert.That(
                () => Png.Decode(file[..^20]),
                Throws.TypeOf<InvalidDataException>().With.Message.Contains("ends")
            );
            Assert.That(
                () => Png.Decode(Encoding.ASCII.GetBytes("GIF89a")),
                Throws.TypeOf<InvalidDataException>().With.Message.Contains("signature")
            );
        });
    }

    [Test]
    public void A_file_round_trip_names_the_file_when_it_fails()
    {
        string folder = Directory.CreateTempSubdirectory("png").FullName;
        try
        {
            string path = Path.Combine(folder, "picture.png");
            RgbImage image = Noise(5, 4);
            Png.Save(path, image);
            Assert.That(Png.Load(path).Bytes, Is.EqualTo(image.Bytes));
            Assert.That(Directory.GetFiles(folder), Has.Length.EqualTo(1), "no partial file is left");
            File.WriteAllText(path, "no picture");
            Assert.That(() => Png.Load(path), Throws.TypeOf<InvalidDataException>().With.Message.StartsWith(path));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public void Values_out_of_range_are_clamped()
    {
        RgbImage image = RgbImage.FromPlanes([-1, 2, float.NaN], 1, 1);
        Assert.That(image.Bytes, Is.EqualTo((byte[])[0, 255, 0]));
    }
}

public sealed class PixelFontTests
{
    [Test]
    public void Every_printable_character_has_a_glyph_of_its_own()
    {
        var seen = new HashSet<string>();
        foreach (char character in Enumerable.Range(33, 94).Select(i => (char)i).Append('±').Append('×').Append('→'))
        {
            var image = new RgbImage(8, 11);
            PixelFont.Draw(image, character.ToString(), 0, 0, 1, new(1, 1, 1));
            Assert.That(image.Bytes, Has.Some.EqualTo((byte)255), character.ToString());
            Assert.That(seen.Add(Convert.ToBase64String(image.Bytes)), Is.True, character.ToString());
        }
    }

    [Test]
    public void Text_stays_within_its_measure([Values(1, 2, 3)] int size)
    {
        const string Text = "a photo of (jq) 0.5 W";
        int width = PixelFont.Measure(Text, size);
        var image = new RgbImage(width + 20, PixelFont.LineHeight * size);
        PixelFont.Draw(image, Text, 10, 0, size, new(1, 1, 1));
        var columns = new List<int>();
        for (int i = 0; i < image.Bytes.Length; i += 3)
        {
            if (image.Bytes[i] > 0)
                columns.Add(i / 3 % image.Width);
        }
        Assert.That(columns.Min(), Is.GreaterThanOrEqualTo(10));
        Assert.That(columns.Max(), Is.EqualTo(10 + width - 1).Within(size));
    }

    [Test]
    public void Wrapping_keeps_every_word_and_no_line_is_too_wide()
    {
        const string Text =
            "a photo of a purple triangle left of a yellow square and an_unreasonably_long_word_without_blanks";
        IReadOnlyList<string> lines = PixelFont.Wrap(Text, 2, 192);
        Assert.That(lines.Select(line => PixelFont.Measure(line, 2)), Is.All.LessThanOrEqualTo(192));
        Assert.That(string.Concat(lines).Replace(" ", ""), Is.EqualTo(Text.Replace(" ", "")));
        Assert.That(PixelFont.Wrap("one\ntwo", 2, 192), Is.EqualTo((string[])["one", "two"]));
    }
}

public sealed class ImageGridTests
{
    private static readonly Rgb s_red = new(1, 0, 0);

    private static float[] Plain(Rgb colour)
    {
        var planes = new float[Scene.ImageLength];
        planes.AsSpan(0, 1024).Fill(colour.R);
        planes.AsSpan(1024, 1024).Fill(colour.G);
        planes.AsSpan(2048, 1024).Fill(colour.B);
        return planes;
    }

    [Test]
    public void A_bare_grid_has_pictures_gaps_and_margins_only()
    {
        var cell = new ImageGridCell(Plain(s_red));
        RgbImage image = new ImageGrid
        {
            Rows =
            [
                [cell, cell, cell],
                [cell, null, cell],
            ],
        }.Draw();
        // Cells of 32·6 + 2 pixels, 16 between them, 24 around.
        Assert.That(image.Width, Is.EqualTo(2 * 24 + 3 * 194 + 2 * 16));
        Assert.That(image.Height, Is.EqualTo(2 * 24 + 2 * 194 + 16));
        Assert.That(CountRed(image), Is.EqualTo(5 * 192 * 192));
    }

    [TestCase(32, 48, 4)]
    [TestCase(48, 32, 4)]
    [TestCase(200, 300, 1)]
    public void Pictures_need_not_be_square(int height, int width, int scale)
    {
        // Every pixel of every picture tells which picture, row and column it is.
        ImageGridCell Picture(int number)
        {
            var planes = new float[3 * height * width];
            for (int i = 0; i < height * width; i++)
            {
                planes[i] = number / 255f;
                planes[height * width + i] = i / width / 255f;
                planes[2 * height * width + i] = i % width % 256 / 255f;
            }
            return new(planes);
        }
        RgbImage image = new ImageGrid
        {
            Rows =
            [
                [Picture(0), Picture(1)],
                [Picture(2), Picture(3)],
            ],
            Height = height,
            Width = width,
        }.Draw();

        (int cellWidth, int cellHeight) = (width * scale + 2, height * scale + 2);
        Assert.That(image.Width, Is.EqualTo(2 * 24 + 2 * cellWidth + 16));
        Assert.That(image.Height, Is.EqualTo(2 * 24 + 2 * cellHeight + 16));
        int wrong = 0;
        for (int picture = 0; picture < 4; picture++)
        {
            int left = 24 + picture % 2 * (cellWidth + 16) + 1;
            int top = 24 + picture / 2 * (cellHeight + 16) + 1;
            for (int y = 0; y < height * scale; y++)
            {
                for (int x = 0; x < width * scale; x++)
                {
                    ReadOnlySpan<byte> pixel = image.Bytes.AsSpan(3 * ((top + y) * image.Width + left + x), 3);
                    ReadOnlySpan<byte> expected = [(byte)picture, (byte)(y / scale), (byte)(x / scale)];
                    wrong += pixel.SequenceEqual(expected) ? 0 : 1;
                }
            }
        }
        Assert.That(wrong, Is.Zero);
    }

    [Test]
    public void Text_makes_room_for_itself_and_covers_no_picture()
    {
        var cell = new ImageGridCell(Plain(s_red))
        {
            Caption = "a photo of a red circle left of a blue square",
            Correct = true,
        };
        RgbImage bare = new ImageGrid
        {
            Rows =
            [
                [new(cell.Planes), new(cell.Planes)],
            ],
        }.Draw();
        RgbImage full = new ImageGrid
        {
            Rows =
            [
                [cell, cell],
            ],
            Title = "Held-out prompts before and after alignment",
            Subtitle = "150 steps",
            ColumnHeaders = ["a photo of a purple triangle above a yellow square", "short"],
            RowHeaders = ["after 150 steps"],
        }.Draw();
        Assert.That(full.Width, Is.GreaterThan(bare.Width));
        Assert.That(full.Height, Is.GreaterThan(bare.Height));
        Assert.That(CountRed(full), Is.EqualTo(CountRed(bare)));
        // The margin is empty: nothing runs off the page.
        byte paper = full.Bytes[0];
        for (int y = 0; y < full.Height; y++)
            Assert.That(full.Bytes[3 * (y * full.Width + full.Width - 12)], Is.EqualTo(paper));
    }

    [Test]
    public void Marks_are_green_for_correct_and_red_for_incorrect()
    {
        static RgbImage Draw(bool? correct) =>
            new ImageGrid
            {
                Rows =
                [
                    [new(Plain(new(0.5f, 0.5f, 0.5f))) { Caption = "x", Correct = correct }],
                ],
            }.Draw();
        static int Count(RgbImage image, Func<byte, byte, bool> redGreen)
        {
            int count = 0;
            for (int i = 0; i < image.Bytes.Length; i += 3)
                count += redGreen(image.Bytes[i], image.Bytes[i + 1]) ? 1 : 0;
            return count;
        }
        Assert.Multiple(() =>
        {
            Assert.That(Count(Draw(true), (r, g) => g > r + 80), Is.GreaterThan(15));
            Assert.That(Count(Draw(false), (r, g) => r > g + 80), Is.GreaterThan(15));
            Assert.That(Count(Draw(null), (r, g) => Math.Abs(r - g) > 80), Is.Zero);
        });
    }

    [Test]
    public void Mistakes_are_named()
    {
        Assert.That(() => new ImageGrid { Rows = [] }.Draw(), Throws.ArgumentException);
        Assert.That(
            () =>
                new ImageGrid
                {
                    Rows =
                    [
                        [new(new float[5])],
                    ],
                }.Draw(),
            Throws.ArgumentException.With.Message.Contains(
                "row 0, column 0 has 5 floats; a [3, 32, 32] picture needs 3072"
            )
        );
    }

    private static int CountRed(RgbImage image)
    {
        int count = 0;
        for (int i = 0; i < image.Bytes.Length; i += 3)
            count += image.Bytes.AsSpan(i, 3).SequenceEqual<byte>([255, 0, 0]) ? 1 : 0;
        return count;
    }
}
