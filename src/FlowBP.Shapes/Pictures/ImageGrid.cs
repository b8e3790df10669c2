// A table of pictures that a person can believe: what was asked for stands above or below each picture, what the rules
// say beside it, pixels are enlarged without smoothing, and text is wrapped, never cut.
namespace FlowBP.Shapes.Pictures;

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
    private const int LongestCaption = 400;
    private const int Page = 24;
    private const int Gap = 16;
    private const int Frame = 1;
    private const int TitleSize = 3;
    private const int TextSize = 2;
    private const int NarrowestRowHeader = 132;
    private const int WidestRowHeader = 260;
    private const int MarkWidth = 22;
    private const int TextLine = PixelFont.LineHeight * TextSize;

    // Enough for a caption to be read beside a small picture.
    private const int EnlargedTo = 192;

    private static readonly Rgb s_paper = new(0.985f, 0.985f, 0.98f);
    private static readonly Rgb s_ink = new(0.12f, 0.12f, 0.14f);
    private static readonly Rgb s_faint = new(0.42f, 0.42f, 0.45f);
    private static readonly Rgb s_frame = new(0.72f, 0.72f, 0.74f);
    private static readonly Rgb s_tick = new(0.08f, 0.55f, 0.24f);
    private static readonly Rgb s_cross = new(0.82f, 0.16f, 0.14f);

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

    /// <summary>Rows of pixels of each picture.</summary>
    public int Height { get; init; } = Scene.Size;

    /// <summary>Pixels per row of each picture.</summary>
    public int Width { get; init; } = Scene.Size;

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

    // As wide as the longest word, within reason: a method's name should not be broken.
    private int RowHeaderWidth =>
        RowHeaders
            .SelectMany(header => header.Split(' ', '\n'))
            .Select(word => Math.Min(PixelFont.Measure(word, TextSize), WidestRowHeader))
            .Append(NarrowestRowHeader)
            .Max();

    private int GridLeft => Page + (RowHeaders.Count > 0 ? RowHeaderWidth + Gap : 0);

    /// <summary>Draws the grid.</summary>
    /// <exception cref="ArgumentException">There is no cell, or a picture has another size than the grid says.</exception>
    public RgbImage Draw()
    {
        Check();
        int width = GridLeft + Columns * (CellWidth + Gap) - Gap + Page;
        string[] title = Wrapped(Title, TitleSize, width - 2 * Page);
        string[] subtitle = Wrapped(Subtitle, TextSize, width - 2 * Page);
        string[][] headers = [.. ColumnHeaders.Select(header => Wrapped(header, TextSize, CellWidth))];
        int[] rowHeights = [.. Rows.Select((_, r) => RowHeight(r))];

        int titleHeight = title.Length * PixelFont.LineHeight * TitleSize;
        int headHeight = titleHeight + subtitle.Length * TextLine + (title.Length + subtitle.Length > 0 ? Gap : 0);
        int columnHeaderHeight = headers.Length == 0 ? 0 : headers.Max(lines => lines.Length) * TextLine + Gap / 4;
        int gridTop = Page + headHeight + columnHeaderHeight;
        int height = gridTop + rowHeights.Sum() + (rowHeights.Length - 1) * Gap + Page;

        var image = new RgbImage(width, height);
        image.Fill(0, 0, width, height, s_paper);
        DrawLines(image, title, Page, Page, TitleSize, s_ink);
        DrawLines(image, subtitle, Page, Page + titleHeight, TextSize, s_faint);
        for (int c = 0; c < headers.Length; c++)
        {
            // Headers stand on the pictures: short ones start lower.
            int top = gridTop - Gap / 4 - headers[c].Length * TextLine;
            DrawLines(image, headers[c], CellLeft(c), top, TextSize, s_ink);
        }
        int rowTop = gridTop;
        for (int r = 0; r < Rows.Count; r++)
        {
            DrawRow(image, r, rowTop);
            rowTop += rowHeights[r] + Gap;
        }
        return image;
    }

    private void Check()
    {
        if (Rows.Count == 0 || Rows.All(row => row.Count == 0))
            throw new ArgumentException("a grid needs at least one picture");
        ArgumentOutOfRangeException.ThrowIfLessThan(Height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Scale, 1);
        if (RowHeaders.Count > Rows.Count)
            throw new ArgumentException($"{RowHeaders.Count} row headers for {Rows.Count} rows");
        for (int r = 0; r < Rows.Count; r++)
        {
            for (int c = 0; c < Rows[r].Count; c++)
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

    private void DrawRow(RgbImage image, int r, int top)
    {
        if (r < RowHeaders.Count)
        {
            string[] header = Wrapped(RowHeaders[r], TextSize, RowHeaderWidth);
            // Beside the middle of the picture, unless the header is taller than it.
            int down = Math.Max(0, (CellHeight - header.Length * TextLine) / 2);
            DrawLines(image, header, Page, top + down, TextSize, s_ink);
        }
        for (int c = 0; c < Rows[r].Count; c++)
        {
            if (Rows[r][c] is not { } cell)
                continue;
            int left = CellLeft(c);
            image.Fill(left, top, CellWidth, CellHeight, s_frame);
            image.DrawPlanes(cell.Planes.Span, Width, Height, left + Frame, top + Frame, Scale);
            int captionTop = top + CellHeight + Gap / 2;
            if (cell.Correct is { } correct)
                DrawMark(image, correct, left, captionTop);
            int indent = cell.Correct is null ? 0 : MarkWidth;
            DrawLines(image, Caption(cell), left + indent, captionTop, TextSize, s_ink);
        }
    }

    private static void DrawMark(RgbImage image, bool correct, int left, int top)
    {
        // As tall as a capital letter: seven rows of the font.
        const float H = 7 * TextSize;
        const float Width = 2.6f;
        if (correct)
        {
            image.Stroke(left + 1.5f, top + 0.55f * H, left + 0.38f * H, top + H - 1, Width, s_tick);
            image.Stroke(left + 0.38f * H, top + H - 1, left + H, top + 1, Width, s_tick);
        }
        else
        {
            image.Stroke(left + 2, top + 1.5f, left + H - 1, top + H - 1.5f, Width, s_cross);
            image.Stroke(left + 2, top + H - 1.5f, left + H - 1, top + 1.5f, Width, s_cross);
        }
    }

    private int RowHeight(int r)
    {
        int captionLines = Rows[r]
            .Max(cell => cell is null ? 0 : Math.Max(Caption(cell).Length, cell.Correct is null ? 0 : 1));
        int cells = CellHeight + (captionLines > 0 ? Gap / 2 + captionLines * TextLine : 0);
        int header = r < RowHeaders.Count ? Wrapped(RowHeaders[r], TextSize, RowHeaderWidth).Length * TextLine : 0;
        return Math.Max(cells, header);
    }

    private string[] Caption(ImageGridCell cell) =>
        Wrapped(Shortened(cell.Caption), TextSize, CellWidth - (cell.Correct is null ? 0 : MarkWidth));

    private int CellLeft(int column) => GridLeft + column * (CellWidth + Gap);

    // A prompt may be as long as a book; a caption of the whole would be longer than the picture.
    private static string Shortened(string caption) =>
        caption.Length <= LongestCaption ? caption : caption[..LongestCaption] + "...";

    private static string[] Wrapped(string text, int size, int width) =>
        text.Length == 0 ? [] : [.. PixelFont.Wrap(text, size, width)];

    private static void DrawLines(RgbImage image, string[] lines, int left, int top, int size, Rgb ink)
    {
        for (int i = 0; i < lines.Length; i++)
            PixelFont.Draw(image, lines[i], left, top + i * PixelFont.LineHeight * size, size, ink);
    }
}
