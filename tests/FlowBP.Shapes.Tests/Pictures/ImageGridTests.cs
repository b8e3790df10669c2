using FlowBP.Pictures;

namespace FlowBP.Shapes.Tests;

public sealed class ImageGridTests
{
    private static readonly Rgb s_red = new(1, 0, 0);

    // No fonts but the one that is embedded: what these tests see does not depend on the machine.
    private PictureFonts fonts = null!;

    [OneTimeSetUp]
    public void Open() => fonts = new(null, []);

    [OneTimeTearDown]
    public void Close() => fonts.Dispose();

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
        var image = new ImageGrid
        {
            Rows =
            [
                [cell, cell, cell],
                [cell, null, cell],
            ],
        }.Draw(fonts);
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
            for (var i = 0; i < height * width; i++)
            {
                planes[i] = number / 255f;
                planes[height * width + i] = i / width / 255f;
                planes[2 * height * width + i] = i % width % 256 / 255f;
            }
            return new(planes);
        }
        var image = new ImageGrid
        {
            Rows =
            [
                [Picture(0), Picture(1)],
                [Picture(2), Picture(3)],
            ],
            Height = height,
            Width = width,
        }.Draw(fonts);

        (var cellWidth, var cellHeight) = (width * scale + 2, height * scale + 2);
        Assert.That(image.Width, Is.EqualTo(2 * 24 + 2 * cellWidth + 16));
        Assert.That(image.Height, Is.EqualTo(2 * 24 + 2 * cellHeight + 16));
        var wrong = 0;
        for (var picture = 0; picture < 4; picture++)
        {
            var left = 24 + picture % 2 * (cellWidth + 16) + 1;
            var top = 24 + picture / 2 * (cellHeight + 16) + 1;
            for (var y = 0; y < height * scale; y++)
            {
                for (var x = 0; x < width * scale; x++)
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
        var bare = new ImageGrid
        {
            Rows =
            [
                [new(cell.Planes), new(cell.Planes)],
            ],
        }.Draw(fonts);
        var full = new ImageGrid
        {
            Rows =
            [
                [cell, cell],
            ],
            Title = "Held-out prompts before and after alignment",
            Subtitle = "150 steps",
            ColumnHeaders = ["a photo of a purple triangle above a yellow square", "short"],
            RowHeaders = ["after 150 steps"],
        }.Draw(fonts);
        Assert.That(full.Width, Is.GreaterThan(bare.Width));
        Assert.That(full.Height, Is.GreaterThan(bare.Height));
        Assert.That(CountRed(full), Is.EqualTo(CountRed(bare)));
        // The margin is empty: nothing runs off the page.
        var paper = full.Bytes[0];
        for (var y = 0; y < full.Height; y++)
        {
            Assert.That(full.Bytes[3 * (y * full.Width + full.Width - 12)], Is.EqualTo(paper));
        }
    }

    [Test]
    public void Marks_are_green_for_correct_and_red_for_incorrect()
    {
        RgbImage Draw(bool? correct) =>
            new ImageGrid
            {
                Rows =
                [
                    [new(Plain(new(0.5f, 0.5f, 0.5f))) { Caption = "x", Correct = correct }],
                ],
            }.Draw(fonts);
        static int Count(RgbImage image, Func<byte, byte, bool> redGreen)
        {
            var count = 0;
            for (var i = 0; i < image.Bytes.Length; i += 3)
            {
                count += redGreen(image.Bytes[i], image.Bytes[i + 1]) ? 1 : 0;
            }

            return count;
        }
        Assert.Multiple(() =>
        {
            Assert.That(Count(Draw(true), (r, g) => g > r + 80), Is.GreaterThan(15));
            Assert.That(Count(Draw(false), (r, g) => r > g + 80), Is.GreaterThan(15));
            Assert.That(Count(Draw(null), (r, g) => Math.Abs(r - g) > 80), Is.Zero);
        });
    }

    [TestCase("a photo of a red circle", 1)]
    [TestCase("one\ntwo\nthree", 3)]
    [TestCase("", 0)]
    public void The_page_grows_by_the_lines_of_its_captions(string caption, int lines)
    {
        var image = Captioned(caption, fonts);
        // A picture of 194 pixels, margins of 24; a caption stands 8 pixels below, and its lines are 20 apart.
        Assert.That(image.Width, Is.EqualTo(194 + 2 * 24));
        Assert.That(image.Height, Is.EqualTo(194 + 2 * 24 + (lines > 0 ? 8 + 20 * lines : 0)));
    }

    [TestCase("a photo of a red circle", "Latin", "", "")]
    [TestCase("Ångström, naïveté, Việt Nam", "Latin with marks", "", "")]
    [TestCase("фото красного круга", "Cyrillic", "", "")]
    [TestCase("φωτογραφία ενός κόκκινου κύκλου", "Greek", "", "")]
    [TestCase("赤い円の写真", "Japanese", "Han (U+8D64 U+5186 U+5199 …), Hiragana (U+3044 U+306E)", "fonts-noto-cjk")]
    [TestCase("빨간 원", "Korean", "Hangul (U+BE68 U+AC04 U+C6D0)", "fonts-noto-cjk")]
    [TestCase("صورة دائرة حمراء", "Arabic", "Arabic (U+0635 U+0648 U+0631 …)", "fonts-noto-core")]
    [TestCase("लाल वृत्त", "Devanagari", "Devanagari (U+0932+U+093E U+0932 U+0935+U+0943 …)", "fonts-noto-core")]
    [TestCase("👩‍🎨🦊", "emoji", "emoji (U+1F469+U+200D U+1F98A)", "fonts-noto-color-emoji")]
    public void A_label_is_never_blank_and_what_no_font_has_is_told(
        string caption,
        string script,
        string missing,
        string package
    )
    {
        List<string> notices = [];
        var grid = new ImageGrid
        {
            Rows =
            [
                [new(Plain(s_red)) { Caption = caption }],
            ],
        };
        var image = PictureFile.Decode(new GridWriter(notices.Add, fonts).Encode(grid, "grid.png"));

        // Under the picture and its frame: at least three pixels of every character have ink.
        var ink = Ink(image, 24 + 194 + 8);
        Assert.That(ink, Is.GreaterThan(3 * new System.Globalization.StringInfo(caption).LengthInTextElements), script);
        Assert.That(CountRed(image), Is.EqualTo(192 * 192));
        string[] expected =
            missing.Length == 0
                ? []
                :
                [
                    $"no font here has {missing}, so the labels of pictures show boxes: install fonts "
                        + $"(Debian and Ubuntu: {package}), or name a font file with FLOWBP_FONT",
                ];
        Assert.That(notices, Is.EqualTo(expected));
    }

    [Test]
    public void Every_script_is_told_once()
    {
        List<string> notices = [];
        var writer = new GridWriter(notices.Add, fonts);
        foreach (var caption in new[] { "ไทย", "עברית", "ภาพ", "plain", "ไทย ქართული" })
        {
            writer.Encode(
                new ImageGrid
                {
                    Rows =
                    [
                        [new(Plain(s_red)) { Caption = caption }],
                    ],
                },
                "grid.png"
            );
        }

        Assert.That(
            notices.Select(line => line[..line.IndexOf(" (", StringComparison.Ordinal)]),
            Is.EqualTo(new[] { "no font here has Thai", "no font here has Hebrew", "no font here has Georgian" })
        );
    }

    [Test]
    public void A_label_keeps_to_its_column_and_off_its_picture_whatever_it_says()
    {
        // Letters under towers of accents, a word of three hundred letters, brackets of both directions, control characters.
        string[] captions =
        [
            "Z" + string.Concat(Enumerable.Repeat("\u0300\u0316", 40)) + "algo",
            new string('W', 300),
            "(עברית) [abc] \u202Eevil\u202C \u0000\u0007\t|",
            string.Concat(Enumerable.Repeat("one two ", 400)),
            "\uD800 lone surrogates \uDC00",
        ];
        foreach (var caption in captions)
        {
            var image = new ImageGrid
            {
                Rows =
                [
                    [new(Plain(s_red)) { Caption = caption }, new(Plain(s_red))],
                ],
                ColumnHeaders = [caption, ""],
            }.Draw(fonts);
            Assert.That(CountRed(image), Is.EqualTo(2 * 192 * 192), caption);
            // Fourteen lines at most, above and below.
            Assert.That(image.Height, Is.LessThanOrEqualTo(2 * 24 + 194 + 4 + 8 + 2 * 14 * 20), caption);
            // Beyond the first column (and a little overhang) there is paper, or the second picture.
            var frames = 0;
            for (var y = 0; y < image.Height; y++)
            {
                for (var x = 24 + 194 + 4; x < image.Width; x++)
                {
                    ReadOnlySpan<byte> pixel = image.Bytes.AsSpan(3 * (y * image.Width + x), 3);
                    var isPaper = pixel.SequenceEqual(image.Bytes.AsSpan(0, 3));
                    frames += isPaper || pixel.SequenceEqual<byte>([255, 0, 0]) ? 0 : 1;
                }
            }
            Assert.That(frames, Is.EqualTo(4 * 193), caption);
        }
    }

    [Test]
    public void The_same_grid_gives_the_same_bytes_in_every_format_and_exact_ones_the_same_pixels()
    {
        var grid = new ImageGrid
        {
            Rows =
            [
                [new(Renderer.Render(Draws.Sample(3).Scene)) { Caption = "квадрат", Correct = false }],
            ],
            Title = "samples",
        };
        var writer = new GridWriter(fonts: fonts);
        var drawn = grid.Draw(fonts);
        foreach (var name in new[] { "grid.png", "grid.jpg", "grid.webp" })
        {
            var file = writer.Encode(grid, name)!;
            Assert.That(writer.Encode(grid, name), Is.EqualTo(file), name);
            var back = PictureFile.Decode(file);
            Assert.That((back.Width, back.Height), Is.EqualTo((drawn.Width, drawn.Height)), name);
            if (name != "grid.jpg")
            {
                Assert.That(back.Bytes, Is.EqualTo(drawn.Bytes), name);
            }
        }
        Assert.That(
            () => writer.Encode(grid, "grid.bmp"),
            Throws.ArgumentException.With.Message.EqualTo(
                "grid.bmp: .bmp is no format of a picture here; .png, .jpg, .jpeg and .webp are"
            )
        );
    }

    [Test]
    public void A_page_that_no_memory_holds_is_left_out_with_a_word()
    {
        List<string> notices = [];
        var cell = new ImageGridCell(Plain(s_red));
        var grid = new ImageGrid { Rows = [.. Enumerable.Repeat(new[] { cell }, 30)], Scale = 700 };
        var writer = new GridWriter(notices.Add, fonts);
        Assert.That(writer.Encode(grid, "samples/grid.png"), Is.Null);
        Assert.That(writer.Encode(grid, "samples/other.png"), Is.Null);
        Assert.That(notices, Has.Count.EqualTo(1));
        Assert.That(notices[0], Does.StartWith("grid.png is left out").And.EndsWith("is too large to be drawn"));
    }

    [Test]
    public void Mistakes_are_named()
    {
        Assert.That(() => new ImageGrid { Rows = [] }.Draw(fonts), Throws.ArgumentException);
        Assert.That(
            () =>
                new ImageGrid
                {
                    Rows =
                    [
                        [new(new float[5])],
                    ],
                }.Draw(fonts),
            Throws.ArgumentException.With.Message.Contains(
                "row 0, column 0 has 5 floats; a [3, 32, 32] picture needs 3072"
            )
        );
    }

    private static RgbImage Captioned(string caption, PictureFonts fonts) =>
        new ImageGrid
        {
            Rows =
            [
                [new(Plain(s_red)) { Caption = caption }],
            ],
        }.Draw(fonts);

    private static int Ink(RgbImage image, int top)
    {
        var count = 0;
        for (var i = 3 * top * image.Width; i < image.Bytes.Length; i += 3)
        {
            count += image.Bytes[i] < 128 ? 1 : 0;
        }

        return count;
    }

    private static int CountRed(RgbImage image)
    {
        var count = 0;
        for (var i = 0; i < image.Bytes.Length; i += 3)
        {
            count += image.Bytes.AsSpan(i, 3).SequenceEqual<byte>([255, 0, 0]) ? 1 : 0;
        }

        return count;
    }
}
