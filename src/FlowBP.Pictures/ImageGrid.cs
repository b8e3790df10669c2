// A table of pictures that a person can believe: what was asked for stands above or below each picture, what the rules
// say beside it, pixels are enlarged without smoothing, and text is wrapped and keeps to its column. How large everything is follows from
// the number of lines, never from the fonts that a machine has.
using FlowBP.Pictures.Text;
using SkiaSharp;

namespace FlowBP.Pictures;

/// <summary>One picture of a grid.</summary>
/// <param name="Planes">[3, height, width], RGB planes; values are clamped to [0, 1].</param>
public sealed record ImageGridCell(ReadOnlyMemory<float> Planes)
{
    /// <summary>Text under the picture, for example the prompt or a score; wrapped to the picture's width.</summary>
    public string Caption { get; init; } = "";

    /// <summary>Draws a tick (true) or a cross (false) before the caption; null draws neither.</summary>
    public bool? Correct { get; init; }
}

/// <summary>A labelled grid of pictures.</summary>
public sealed record ImageGrid
{
    // A prompt may be as long as a book; a caption of the whole would be longer than the picture.
    private const int LongestText = 1000;
    private const int MostTitleLines = 3;
    private const int MostLines = 14;
    private const int Page = 24;
    private const int Gap = 16;
    private const int Frame = 1;
    private const int NarrowestRowHeader = 132;
    private const int WidestRowHeader = 260;
    private const int MarkWidth = 18;

    // Enough for a caption to be read beside a small picture.
    private const int EnlargedTo = 192;

    private static readonly SKColor s_paper = new(0xFB, 0xFB, 0xFA);
    private static readonly SKColor s_ink = new(0x1F, 0x1F, 0x24);
    private static readonly SKColor s_faint = new(0x6B, 0x6B, 0x73);
    private static readonly SKColor s_frame = new(0xB8, 0xB8, 0xBD);
    private static readonly SKColor s_tick = new(0x14, 0x8C, 0x3D);
    private static readonly SKColor s_cross = new(0xD1, 0x29, 0x24);

    private static readonly TextStyle s_title = new(25, 33, s_ink, IsHeavy: true);
    private static readonly TextStyle s_subtitle = new(14, 20, s_faint);
    private static readonly TextStyle s_header = new(14, 20, s_ink, IsHeavy: true);
    private static readonly TextStyle s_caption = new(14, 20, s_ink);

    private readonly int? scale;

    /// <summary>Rows of cells; rows may differ in length, and a null leaves its place empty.</summary>
    public required IReadOnlyList<IReadOnlyList<ImageGridCell?>> Rows { get; init; }

    /// <summary>A heading for the whole; empty for none.</summary>
    public string Title { get; init; } = "";

    /// <summary>Smaller text under the title, for example settings and scores; empty for none.</summary>
    public string Subtitle { get; init; } = "";

    /// <summary>Text above the columns; empty for none.</summary>
    public IReadOnlyList<string> ColumnHeaders { get; init; } = [];

    /// <summary>Text left of the rows; empty for none.</summary>
    public IReadOnlyList<string> RowHeaders { get; init; } = [];

    /// <summary>Rows of pixels of each picture; 32 unless given.</summary>
    public int Height { get; init; } = 32;

    /// <summary>Pixels per row of each picture; 32 unless given.</summary>
    public int Width { get; init; } = 32;

    /// <summary>
    /// Screen pixels per pixel of a picture. Unless given: as many as keep the longer side within 192 screen pixels, at
    /// least 1.
    /// </summary>
    public int Scale
    {
        get => scale ?? Math.Max(1, EnlargedTo / Math.Max(Height, Width));
        init => scale = value;
    }

    private int CellWidth => Width * Scale + 2 * Frame;

    private int CellHeight => Height * Scale + 2 * Frame;

    private int Columns => Math.Max(ColumnHeaders.Count, Rows.Max(row => row.Count));

    /// <summary>Draws the grid.</summary>
    /// <param name="fonts">The fonts of its labels; null: those of <see cref="PictureFonts.Default"/>.</param>
    /// <exception cref="ArgumentException">There is no cell, or a picture has another size than the grid says.</exception>
    /// <exception cref="PicturesUnavailableException">The native libraries don't load, or the grid is too large to be drawn.</exception>
    public RgbImage Draw(PictureFonts? fonts = null)
    {
        NativeLibraries.RequireSkia();
        if (NativeLibraries.WhyNoText is { } why)
        {
            throw new PicturesUnavailableException($"text can't be drawn here: {why}");
        }

        using var bitmap = Paint(fonts ?? PictureFonts.Default, new MissingCharacters());
        return Bitmaps.ToImage(bitmap);
    }

    /// <summary>Draws the grid.</summary>
    /// <param name="fonts">The fonts of its labels; null: there are no labels.</param>
    /// <param name="missing">Receives characters that no font has.</param>
    internal SKBitmap Paint(PictureFonts? fonts, MissingCharacters missing)
    {
        Check();
        // Fonts remember what was asked of them, and are shared.
        lock (fonts ?? (object)this)
        {
            var layout = new Layout(this, fonts, missing);
            var bitmap = Bitmaps.Opaque(layout.Width, layout.Height);
            using var canvas = new SKCanvas(bitmap);
            canvas.Clear(s_paper);
            layout.Draw(canvas, bitmap);
            return bitmap;
        }
    }

    private void Check()
    {
        if (Rows.Count == 0 || Rows.All(row => row.Count == 0))
        {
            throw new ArgumentException("a grid needs at least one picture");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(Height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Scale, 1);
        if (RowHeaders.Count > Rows.Count)
        {
            throw new ArgumentException($"{RowHeaders.Count} row headers for {Rows.Count} rows");
        }

        for (var r = 0; r < Rows.Count; r++)
        {
            for (var c = 0; c < Rows[r].Count; c++)
            {
                if (Rows[r][c] is { } cell && cell.Planes.Length != 3 * Height * Width)
                {
                    throw new ArgumentException(
                        $"the picture in row {r}, column {c} has {cell.Planes.Length} floats; "
                            + $"a [3, {Height}, {Width}] picture needs {3 * Height * Width}"
                    );
                }
            }
        }
    }

    /// <summary>All texts in their lines, and what follows from them: where everything stands.</summary>
    private sealed class Layout
    {
        private readonly ImageGrid grid;
        private readonly TextBlock?[][] captions;
        private readonly TextBlock[] columnHeaders;
        private readonly TextBlock[] rowHeaders;
        private readonly TextBlock? title;
        private readonly TextBlock? subtitle;
        private readonly int[] rowHeights;
        private readonly int rowHeaderWidth;
        private readonly int gridTop;

        public Layout(ImageGrid grid, PictureFonts? fonts, MissingCharacters missing)
        {
            this.grid = grid;
            TextBlock? Set(string text, TextStyle style, int width, int mostLines) =>
                fonts is null ? null : TextBlock.Of(Shortened(text), style, width, mostLines, fonts, missing);

            // As wide as the longest word, within reason: a method's name should not be broken.
            rowHeaderWidth = grid
                .RowHeaders.SelectMany(header => header.Split(' ', '\n'))
                .Select(word =>
                    fonts is null ? 0 : (int)MathF.Ceiling(TextBlock.Measure(Shortened(word), s_header, fonts, missing))
                )
                .Select(width => Math.Min(width, WidestRowHeader))
                .Append(NarrowestRowHeader)
                .Max();
            Width = GridLeft + grid.Columns * (grid.CellWidth + Gap) - Gap + Page;
            title = Set(grid.Title, s_title, Width - 2 * Page, MostTitleLines);
            subtitle = Set(grid.Subtitle, s_subtitle, Width - 2 * Page, MostLines);
            columnHeaders = Present(grid.ColumnHeaders.Select(h => Set(h, s_header, grid.CellWidth, MostLines)));
            rowHeaders = Present(grid.RowHeaders.Select(h => Set(h, s_header, rowHeaderWidth, MostLines)));
            captions =
            [
                .. grid.Rows.Select(row =>
                    row.Select(cell => cell is null ? null : Set(cell.Caption, s_caption, Room(cell), MostLines))
                        .ToArray()
                ),
            ];
            rowHeights = [.. grid.Rows.Select((_, r) => RowHeight(r))];

            var headHeight = HeightOf(title) + HeightOf(subtitle);
            headHeight += headHeight > 0 ? Gap : 0;
            var columnHeaderHeight = columnHeaders.Length == 0 ? 0 : columnHeaders.Max(block => block.Height) + Gap / 4;
            gridTop = Page + headHeight + columnHeaderHeight;
            Height = gridTop + rowHeights.Sum() + (rowHeights.Length - 1) * Gap + Page;
        }

        public int Width { get; }

        public int Height { get; }

        private int GridLeft => Page + (grid.RowHeaders.Count > 0 ? rowHeaderWidth + Gap : 0);

        public void Draw(SKCanvas canvas, SKBitmap bitmap)
        {
            title?.Draw(canvas, Page, Page, Width - 2 * Page);
            subtitle?.Draw(canvas, Page, Page + HeightOf(title), Width - 2 * Page);
            for (var c = 0; c < columnHeaders.Length; c++)
            {
                // Headers stand on the pictures: short ones start lower.
                var top = gridTop - Gap / 4 - columnHeaders[c].Height;
                columnHeaders[c].Draw(canvas, CellLeft(c), top, grid.CellWidth);
            }
            var rowTop = gridTop;
            for (var r = 0; r < grid.Rows.Count; r++)
            {
                DrawRow(canvas, bitmap, r, rowTop);
                rowTop += rowHeights[r] + Gap;
            }
        }

        private void DrawRow(SKCanvas canvas, SKBitmap bitmap, int r, int top)
        {
            if (r < rowHeaders.Length)
            {
                // Beside the middle of the picture, unless the header is taller than it.
                var down = Math.Max(0, (grid.CellHeight - rowHeaders[r].Height) / 2);
                rowHeaders[r].Draw(canvas, Page, top + down, rowHeaderWidth);
            }
            using var frame = new SKPaint { Color = s_frame };
            for (var c = 0; c < grid.Rows[r].Count; c++)
            {
                if (grid.Rows[r][c] is not { } cell)
                {
                    continue;
                }

                var left = CellLeft(c);
                canvas.DrawRect(left, top, grid.CellWidth, grid.CellHeight, frame);
                var captionTop = top + grid.CellHeight + Gap / 2;
                if (cell.Correct is { } correct)
                {
                    DrawMark(canvas, correct, left, captionTop);
                }

                var indent = cell.Correct is null ? 0 : MarkWidth;
                captions[r][c]?.Draw(canvas, left + indent, captionTop, Room(cell));
                // The pixels themselves, after everything else.
                canvas.Flush();
                Bitmaps.Copy(cell.Planes.Span, grid.Width, grid.Height, bitmap, left + Frame, top + Frame, grid.Scale);
            }
        }

        private int RowHeight(int r)
        {
            var below = 0;
            for (var c = 0; c < grid.Rows[r].Count; c++)
            {
                var mark = grid.Rows[r][c]?.Correct is null ? 0 : s_caption.LineHeight;
                below = Math.Max(below, Math.Max(mark, HeightOf(captions[r][c])));
            }
            var cells = grid.CellHeight + (below > 0 ? Gap / 2 + below : 0);
            return Math.Max(cells, r < rowHeaders.Length ? rowHeaders[r].Height : 0);
        }

        private int Room(ImageGridCell cell) => grid.CellWidth - (cell.Correct is null ? 0 : MarkWidth);

        private int CellLeft(int column) => GridLeft + column * (grid.CellWidth + Gap);

        private static TextBlock[] Present(IEnumerable<TextBlock?> blocks) => [.. blocks.OfType<TextBlock>()];

        private static int HeightOf(TextBlock? block) => block?.Height ?? 0;
    }

    private static void DrawMark(SKCanvas canvas, bool correct, int left, int top)
    {
        // As tall as a capital letter, and on the same baseline.
        const float Size = 10;
        var bottom = top + s_caption.Baseline - 0.5f;
        var high = bottom - Size + 1;
        using var stroke = new SKPaint
        {
            Color = correct ? s_tick : s_cross,
            IsAntialias = true,
            IsStroke = true,
            StrokeWidth = 2.2f,
            StrokeCap = SKStrokeCap.Round,
        };
        if (correct)
        {
            canvas.DrawLine(left + 1.5f, bottom - 0.42f * Size, left + 0.38f * Size, bottom - 1, stroke);
            canvas.DrawLine(left + 0.38f * Size, bottom - 1, left + Size + 0.5f, high, stroke);
        }
        else
        {
            canvas.DrawLine(left + 2, high, left + Size, bottom - 1, stroke);
            canvas.DrawLine(left + 2, bottom - 1, left + Size, high, stroke);
        }
    }

    private static string Shortened(string text)
    {
        if (text.Length <= LongestText)
        {
            return text;
        }

        var end = char.IsHighSurrogate(text[LongestText - 1]) ? LongestText - 1 : LongestText;
        return text[..end] + "…";
    }
}
