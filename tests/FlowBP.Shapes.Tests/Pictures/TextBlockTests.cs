using FlowBP.Pictures;
using FlowBP.Pictures.Text;
using SkiaSharp;

namespace FlowBP.Shapes.Tests;

/// <summary>Text in lines, with the embedded font and with fonts whose every pixel is known.</summary>
public sealed class TextBlockTests
{
    private const string Inter = "FlowBP.Pictures.Inter-Regular.ttf";

    private static readonly TextStyle s_style = new(20, 28, SKColors.Black);

    private string folder = null!;
    private PictureFonts embedded = null!;

    [OneTimeSetUp]
    public void Open()
    {
        folder = Directory.CreateTempSubdirectory("fonts").FullName;
        embedded = new(null, []);
    }

    [OneTimeTearDown]
    public void Close()
    {
        embedded.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Test]
    public void Wrapping_keeps_every_word_and_no_line_is_too_wide()
    {
        const string Text =
            "a photo of a purple triangle left of a yellow square and an_unreasonably_long_word_without_blanks";
        var block = Block(Text, 192);
        Assert.That(block.Lines.Select(line => line.Width), Is.All.LessThanOrEqualTo(192));
        Assert.That(
            string.Concat(block.Lines.Select(line => line.Text)).Replace(" ", ""),
            Is.EqualTo(Text.Replace(" ", ""))
        );
        Assert.That(block.Height, Is.EqualTo(28 * block.Lines.Count));
        Assert.That(Texts(Block("one\ntwo", 192)), Is.EqualTo(new[] { "one", "two" }));
        Assert.That(Texts(Block("one\r\n\r\n two  three ", 192)), Is.EqualTo(new[] { "one", "", "two three" }));
    }

    [Test]
    public void What_exceeds_the_lines_there_are_ends_in_an_ellipsis_that_fits()
    {
        var block = Block("a photo of a purple triangle left of a yellow square", 120, mostLines: 2);
        Assert.That(block.Lines, Has.Count.EqualTo(2));
        Assert.That(block.Lines[0].Text, Is.EqualTo("a photo of a"));
        Assert.That(block.Lines[1].Text, Does.StartWith("purple").And.EndsWith("…"));
        Assert.That(block.Lines.Select(line => line.Width), Is.All.LessThanOrEqualTo(120));
        Assert.That(Texts(Block("one\ntwo\nthree", 120, mostLines: 2)), Is.EqualTo(new[] { "one", "two…" }));
        Assert.That(Texts(Block("one\ntwo", 120, mostLines: 2)), Is.EqualTo(new[] { "one", "two" }));
    }

    [Test]
    public void Ideographs_break_anywhere_but_before_a_stop_and_after_an_opening_bracket()
    {
        // 20 pixels each: five to a line of 100.
        using var fonts = With("wide.ttf", [.. "あいうえおか、「」".Select(c => (int)c).Order()]);
        Assert.That(
            Texts(TextBlock.Of("あいうえおか", s_style, 100, 9, fonts, new())),
            Is.EqualTo(new[] { "あいうえお", "か" })
        );
        Assert.That(
            Texts(TextBlock.Of("あいうえお、か", s_style, 100, 9, fonts, new())),
            Is.EqualTo(new[] { "あいうえ", "お、か" })
        );
        Assert.That(
            Texts(TextBlock.Of("あいうえ「お」", s_style, 100, 9, fonts, new())),
            Is.EqualTo(new[] { "あいうえ", "「お」" })
        );
    }

    [Test]
    public void A_character_is_drawn_with_the_first_font_that_has_it_and_covers_the_pixels_it_should()
    {
        // Not in Inter: an Arabic and an Ethiopic letter. Rectangles of 10 × 10 pixels at 20 pixels per em, an em apart.
        using var fonts = With("squares.ttf", [0x0639, 0x1200]);
        var missing = new MissingCharacters();
        var block = TextBlock.Of("ሀሀሀ", s_style, 200, 1, fonts, missing);
        Assert.That(block.Lines.Single().Width, Is.EqualTo(60).Within(1e-3));
        var rows = Drawn(block, 80, 40);
        var baseline = s_style.Baseline;
        for (var y = 0; y < 40; y++)
        {
            for (var x = 0; x < 80; x++)
            {
                var inside = x < 60 && x % 20 < 10 && y >= baseline - 10 && y < baseline;
                Assert.That(rows[y * 80 + x], Is.EqualTo(inside ? 0 : 255), $"column {x}, row {y}");
            }
        }
        Assert.That(missing.TakeNotice(), Is.Null);
    }

    [Test]
    public void Fonts_are_mixed_within_a_line_and_those_named_come_first()
    {
        using var fallback = With("ethiopic.ttf", [0x1200]);
        ShapedRun[] runs = [.. TextBlock.Of("a ሀ b", s_style, 200, 1, fallback, new()).Lines.Single().Runs];
        Assert.That(
            runs.Select(run => Path.GetFileName(run.Font!.Name)),
            Is.EqualTo(new[] { Inter, "ethiopic.ttf", Inter, Inter })
        );

        var own = Write("own.ttf", ['a', 'b']);
        using var preferred = new PictureFonts(own, []);
        var line = TextBlock.Of("aab", s_style, 200, 1, preferred, new()).Lines.Single();
        Assert.That(line.Runs.Single().Font!.Name, Is.EqualTo(own));
        Assert.That(line.Width, Is.EqualTo(60).Within(1e-3));
    }

    [Test]
    public void A_font_that_cannot_be_had_is_told_and_labels_are_set_without_it()
    {
        var text = Path.Combine(folder, "text.ttf");
        File.WriteAllText(text, "no font");
        var empty = Directory.CreateDirectory(Path.Combine(folder, "empty")).FullName;
        using var fonts = new PictureFonts($"{text}:/nowhere/font.ttf:{empty}", []);
        Assert.That(
            fonts.Problems,
            Is.EqualTo(
                new[]
                {
                    $"FLOWBP_FONT: {text} is not a font that can be read (.ttf, .otf, .ttc); labels are set without it",
                    "FLOWBP_FONT: /nowhere/font.ttf is no such file or folder; labels are set without it",
                    $"FLOWBP_FONT: {empty} is a folder without fonts that can be read; labels are set without it",
                }
            )
        );
        Assert.That(TextBlock.Of("plain", s_style, 200, 1, fonts, new()).Lines.Single().Width, Is.GreaterThan(30));
    }

    [Test]
    public void A_character_that_no_font_has_is_a_box_and_its_neighbours_are_letters()
    {
        var missing = new MissingCharacters();
        var line = TextBlock.Of("a文字b", s_style, 300, 1, embedded, missing).Lines.Single();
        Assert.That(line.Runs.Select(run => run.Font is null), Is.EqualTo(new[] { false, true, false }));
        Assert.That(line.Runs[1].Points, Has.Length.EqualTo(2));
        // Two boxes, 0.68 em apart.
        Assert.That(line.Runs[1].Width, Is.EqualTo(2 * 0.68f * 20).Within(1e-4));
        Assert.That(missing.TakeNotice(), Does.StartWith("no font here has Han (U+6587 U+5B57), so the labels"));
        Assert.That(missing.TakeNotice(), Is.Null);

        // Outlines of 11 × 14 pixels, one pixel thick, feet on the baseline; the first starts one pixel after its place.
        var rows = Drawn(TextBlock.Of("文", s_style, 300, 1, embedded, missing), 20, 40);
        var ink = rows.Count(value => value < 255);
        Assert.That(ink, Is.EqualTo(2 * 11 + 2 * 12));
        Assert.That(rows.Where(value => value < 255), Is.All.EqualTo(0));
        Assert.That(rows[(s_style.Baseline - 1) * 20 + 1], Is.Zero);
    }

    [Test]
    public void The_same_text_has_the_same_glyphs_however_often_memory_is_tidied_up()
    {
        var first = TextBlock.Measure("квадрат", s_style, embedded, new());
        for (var i = 0; i < 5; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            Assert.That(TextBlock.Measure("квадрат", s_style, embedded, new()), Is.EqualTo(first));
        }
        Assert.That(first, Is.GreaterThan(7 * 20 * 0.4f));
    }

    [Test]
    public void Joiners_and_selectors_are_not_missed()
    {
        var missing = new MissingCharacters();
        TextBlock.Of("a\u200Db\u200Cc\u00AD\uFE0Ed\u00A0e\u2003f", s_style, 900, 1, embedded, missing);
        Assert.That(missing.TakeNotice(), Is.Null);
    }

    [Test]
    public void A_letter_with_its_accent_apart_is_as_wide_as_in_one()
    {
        float Width(string text) => TextBlock.Measure(text, s_style, embedded, new());
        Assert.That(Width("Cafe\u0301"), Is.EqualTo(Width("Caf\u00E9")).Within(1e-3));
    }

    [Test]
    public void A_line_that_runs_to_the_left_stands_at_the_right_in_the_order_of_its_script()
    {
        // Hebrew letters of different widths would show; here it is enough which run stands where.
        using var fonts = With("hebrew.ttf", [.. Enumerable.Range(0x5D0, 27)]);
        var line = TextBlock.Of("אב abc גד", s_style, 400, 1, fonts, new()).Lines.Single();
        Assert.That(line.IsRightToLeft, Is.True);
        // From left to right: the last Hebrew word, the Latin one, the first.
        bool[] isHebrew = [.. line.Runs.Select(run => run.Font!.Name.EndsWith("hebrew.ttf", StringComparison.Ordinal))];
        Assert.That(isHebrew.First() && isHebrew.Last() && isHebrew.Contains(false), Is.True);
        var rows = Drawn(TextBlock.Of("אב", s_style, 400, 1, fonts, new()), 100, 40);
        // Two letters of 20 pixels, whose rectangles are 10 wide, at the right end of a column of 100.
        var row = (s_style.Baseline - 5) * 100;
        int[] inked = [.. Enumerable.Range(0, 100).Where(x => rows[row + x] < 128)];
        Assert.That(inked, Is.EqualTo(Enumerable.Range(60, 10).Concat(Enumerable.Range(80, 10))));
    }

    [Test]
    public void Arabic_letters_are_shaped_from_right_to_left()
    {
        // Three letters that are different glyphs: HarfBuzz returns them in the order in which they are drawn.
        using var fonts = With("arabic.ttf", [0x0627, 0x0628, 0x062A]);
        var run = TextBlock.Of("ابت", s_style, 400, 1, fonts, new()).Lines.Single().Runs.Single();
        Assert.That(run.Glyphs, Is.EqualTo(new ushort[] { 3, 2, 1 }));
    }

    // Letters: L runs to the right, R to the left, A is Arabic; digits 1 (European) and 2 (Arabic); + - . and $ as such, blanks neutral.
    // The expected levels are those of the algorithm's own rules.
    [TestCase("LL LL", 0, "00000")]
    [TestCase("RR RR", 1, "11111")]
    [TestCase("LL RR", 0, "00011")]
    [TestCase("RR LL", 1, "11122")]
    [TestCase("LL RR RR LL", 0, "00011111000")]
    [TestCase("RR 11.1 RR", 1, "1112222111")]
    [TestCase("LL 11.1 RR", 0, "0000000011")]
    [TestCase("RR $11 LL", 1, "111222122")]
    [TestCase("A 1-1", 1, "11212")]
    [TestCase("R 1-1", 1, "11222")]
    [TestCase("A 2.2", 1, "11222")]
    [TestCase("R.", 1, "11")]
    [TestCase("L RR.", 0, "00110")]
    public void Levels_are_those_of_the_bidirectional_algorithm(string text, int baseLevel, string levels)
    {
        BidiClass[] classes =
        [
            .. text.Select(c =>
                c switch
                {
                    'L' => BidiClass.Left,
                    'R' => BidiClass.Right,
                    'A' => BidiClass.Arabic,
                    '1' => BidiClass.Digit,
                    '2' => BidiClass.ArabicDigit,
                    '-' => BidiClass.Sign,
                    '.' => BidiClass.Separator,
                    '$' => BidiClass.Unit,
                    _ => BidiClass.Neutral,
                }
            ),
        ];
        Assert.That(BidiLevels.Base(classes), Is.EqualTo(baseLevel));
        Assert.That(string.Concat(BidiLevels.Of(classes, baseLevel)), Is.EqualTo(levels));
    }

    [TestCase("000", "012")]
    [TestCase("111", "210")]
    [TestCase("010", "012")]
    [TestCase("0110", "0213")]
    [TestCase("121", "210")]
    [TestCase("12231", "41230")]
    [TestCase("012", "021")]
    public void Parts_are_reversed_level_by_level(string levels, string order) =>
        Assert.That(string.Concat(BidiLevels.VisualOrder([.. levels.Select(level => level - '0')])), Is.EqualTo(order));

    private PictureFonts With(string file, IReadOnlyList<int> codePoints)
    {
        var own = Directory.CreateDirectory(Path.Combine(folder, Path.GetFileNameWithoutExtension(file))).FullName;
        Write(Path.Combine(own, file), codePoints);
        return new(null, [own]);
    }

    private string Write(string file, IReadOnlyList<int> codePoints)
    {
        var path = Path.Combine(folder, file);
        File.WriteAllBytes(path, TestFont.Of(codePoints));
        return path;
    }

    private TextBlock Block(string text, float width, int mostLines = 99) =>
        TextBlock.Of(text, s_style, width, mostLines, embedded, new());

    private static string[] Texts(TextBlock block) => [.. block.Lines.Select(line => line.Text)];

    // The red channel of a text on white, row by row.
    private static byte[] Drawn(TextBlock block, int width, int height)
    {
        using var bitmap = Bitmaps.Opaque(width, height);
        using var canvas = new SKCanvas(bitmap);
        canvas.Clear(SKColors.White);
        block.Draw(canvas, 0, 0, width);
        canvas.Flush();
        var bytes = Bitmaps.ToImage(bitmap).Bytes;
        return [.. Enumerable.Range(0, width * height).Select(i => bytes[3 * i])];
    }
}
