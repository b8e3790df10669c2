// A text set in lines of at most a width, ready to be drawn. Lines end at blanks and between ideographs; a word that is wider than a line is
// cut between two characters, and what exceeds the lines there are ends in an ellipsis.
using SkiaSharp;

namespace FlowBP.Pictures.Text;

/// <summary>A line of a text.</summary>
/// <param name="Text">Its characters, in the order in which they are read.</param>
/// <param name="Runs">What is drawn, from left to right.</param>
/// <param name="Width">In pixels.</param>
/// <param name="IsRightToLeft">Whether its paragraph runs to the left, and so stands at the right.</param>
internal sealed record TextLine(string Text, IReadOnlyList<ShapedRun> Runs, float Width, bool IsRightToLeft);

/// <summary>A text in lines.</summary>
internal sealed class TextBlock
{
    // A box in the place of a character: its width and height, and how far the next one is, in ems.
    private const float BoxWidth = 0.56f;
    private const float BoxHeight = 0.72f;
    private const float BoxAdvance = 0.68f;

    // Accents and the feet of other scripts may leave their line by so much, and nothing by more.
    private const int Overhang = 3;
    private const string Ellipsis = "…";

    private readonly TextStyle style;

    private TextBlock(TextStyle style, IReadOnlyList<TextLine> lines)
    {
        this.style = style;
        Lines = lines;
    }

    /// <summary>The lines.</summary>
    public IReadOnlyList<TextLine> Lines { get; }

    /// <summary>Of all lines, in pixels.</summary>
    public int Height => Lines.Count * style.LineHeight;

    /// <summary>Sets a text.</summary>
    /// <param name="text">Any text; line feeds are kept.</param>
    /// <param name="style">How it is set.</param>
    /// <param name="width">Widest line, in pixels.</param>
    /// <param name="mostLines">Lines at most.</param>
    /// <param name="fonts">The fonts there are.</param>
    /// <param name="missing">Receives characters that none of them has.</param>
    public static TextBlock Of(
        string text,
        TextStyle style,
        float width,
        int mostLines,
        PictureFonts fonts,
        MissingCharacters missing
    )
    {
        if (text.Length == 0)
        {
            return new(style, []);
        }

        var setter = new Setter(style, width, fonts, missing);
        List<TextLine> lines = [];
        var paragraphs = TextUnits.Paragraphs(text);
        for (var p = 0; p < paragraphs.Count && lines.Count < mostLines; p++)
        {
            setter.Add(lines, paragraphs[p], mostLines, isLast: p == paragraphs.Count - 1);
        }

        return new(style, lines);
    }

    /// <summary>The width of a text in one line, in pixels.</summary>
    public static float Measure(string text, TextStyle style, PictureFonts fonts, MissingCharacters missing) =>
        Of(text, style, float.MaxValue, 1, fonts, missing).Lines.Sum(line => line.Width);

    /// <summary>Draws the text.</summary>
    /// <param name="canvas">Where to.</param>
    /// <param name="left">Left end of its column, in pixels.</param>
    /// <param name="top">Top of its first line.</param>
    /// <param name="width">Of its column: lines that run to the left stand at its right end.</param>
    public void Draw(SKCanvas canvas, int left, int top, int width)
    {
        canvas.Save();
        canvas.ClipRect(new(left - Overhang, top - Overhang, left + width + Overhang, top + Height + Overhang));
        using var ink = new SKPaint { Color = style.Colour, IsAntialias = true };
        for (var i = 0; i < Lines.Count; i++)
        {
            var line = Lines[i];
            var x = line.IsRightToLeft ? left + width - line.Width : left;
            float baseline = top + i * style.LineHeight + style.Baseline;
            foreach (var run in line.Runs)
            {
                Draw(canvas, run, x, baseline, ink);
                x += run.Width;
            }
        }
        canvas.Restore();
    }

    private void Draw(SKCanvas canvas, ShapedRun run, float x, float baseline, SKPaint ink)
    {
        if (run.Font is null)
        {
            using var outline = new SKPaint
            {
                Color = ink.Color,
                IsStroke = true,
                StrokeWidth = 1,
            };
            foreach (var point in run.Points)
            {
                // Half a pixel in, so that the outline fills whole pixels.
                var boxLeft = MathF.Floor(x + point.X) + 1.5f;
                var boxTop = MathF.Round(baseline - BoxHeight * style.Size) + 0.5f;
                var boxWidth = MathF.Round(BoxWidth * style.Size) - 1;
                canvas.DrawRect(boxLeft, boxTop, boxWidth, baseline - 0.5f - boxTop, outline);
            }
            return;
        }
        if (run.Glyphs.Length == 0)
        {
            return;
        }

        using var builder = new SKTextBlobBuilder();
        builder.AddPositionedRun(run.Glyphs, run.Font.At(style.Size), run.Points);
        using var blob = builder.Build();
        if (blob is not null)
        {
            canvas.DrawText(blob, x, baseline, ink);
        }
    }

    /// <summary>Sets paragraphs into lines.</summary>
    private sealed class Setter(TextStyle style, float width, PictureFonts fonts, MissingCharacters missing)
    {
        public void Add(List<TextLine> lines, string paragraph, int mostLines, bool isLast)
        {
            (var units, var level) = TextUnits.Of(paragraph, style.IsHeavy, fonts, missing);
            var start = 0;
            do
            {
                var end = End(paragraph, units, start, level);
                var isFull = lines.Count == mostLines - 1 && (end < units.Length || !isLast);
                lines.Add(
                    isFull ? Shortened(paragraph, units, start, level) : Line(paragraph, units, start, end, level)
                );
                start = end;
                // Where a word was cut just before a blank.
                while (start < units.Length && units[start].IsBlank)
                {
                    start++;
                }
            } while (start < units.Length && lines.Count < mostLines);
        }

        // The end of the longest line from here that fits: at a place where lines may end, or else anywhere.
        private int End(string paragraph, TextUnit[] units, int start, int level)
        {
            var best = start;
            for (var i = start; i < units.Length; i++)
            {
                if (!units[i].MayEndLine && i + 1 < units.Length)
                {
                    continue;
                }

                if (Line(paragraph, units, start, i + 1, level).Width > width)
                {
                    break;
                }

                best = i + 1;
            }
            if (best > start || units.Length == 0)
            {
                return best;
            }

            best = start + 1;
            while (best < units.Length && Line(paragraph, units, start, best + 1, level).Width <= width)
            {
                best++;
            }

            return best;
        }

        // As much of the rest as fits before an ellipsis.
        private TextLine Shortened(string paragraph, TextUnit[] units, int start, int level)
        {
            var end = units.Length == 0 ? start : End(paragraph, units, start, level);
            while (true)
            {
                var text = (end > start ? Slice(paragraph, units, start, end).TrimEnd() : "") + Ellipsis;
                (var shortened, _) = TextUnits.Of(text, style.IsHeavy, fonts, missing, level);
                var line = Line(text, shortened, 0, shortened.Length, level);
                if (line.Width <= width || end <= start + 1)
                {
                    return line;
                }

                end--;
            }
        }

        private TextLine Line(string paragraph, TextUnit[] units, int start, int end, int level)
        {
            // Blanks at the end of a line have no width.
            while (end > start && units[end - 1].IsBlank)
            {
                end--;
            }

            if (end == start)
            {
                return new("", [], 0, level == 1);
            }

            var text = Slice(paragraph, units, start, end);
            List<ShapedRun> runs = [];
            List<int> levels = [];
            for (var from = start; from < end; )
            {
                var to = from + 1;
                while (to < end && AreAlike(units[from], units[to]))
                {
                    to++;
                }

                runs.Add(Run(text, units.AsSpan(from, to - from), units[start].Start));
                levels.Add(units[from].Level);
                from = to;
            }
            var order = BidiLevels.VisualOrder([.. levels]);
            return new(text, [.. order.Select(i => runs[i])], runs.Sum(run => run.Width), level == 1);
        }

        private ShapedRun Run(string line, ReadOnlySpan<TextUnit> units, int lineStart)
        {
            var first = units[0];
            if (first.Font is not null)
            {
                var length = units[^1].Start + units[^1].Length - first.Start;
                var toLeft = first.Level % 2 == 1;
                return first.Font.Shape(line, first.Start - lineStart, length, first.Script, toLeft, style.Size);
            }
            var boxes = new SKPoint[units.Length];
            for (var i = 0; i < boxes.Length; i++)
            {
                boxes[i] = new(i * BoxAdvance * style.Size, 0);
            }

            return new(null, [], boxes, boxes.Length * BoxAdvance * style.Size);
        }

        private static string Slice(string paragraph, TextUnit[] units, int start, int end) =>
            paragraph[units[start].Start..(units[end - 1].Start + units[end - 1].Length)];

        private static bool AreAlike(in TextUnit one, in TextUnit other) =>
            one.Font == other.Font && one.Level == other.Level && (one.Font is null || one.Script == other.Script);
    }
}
