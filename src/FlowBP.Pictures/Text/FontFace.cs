// One font, for both libraries that work on it: Skia draws its glyphs, HarfBuzz says which glyphs a text has and where they stand.
using HarfBuzzSharp;
using SkiaSharp;

namespace FlowBP.Pictures.Text;

/// <summary>An open font.</summary>
internal sealed class FontFace : IDisposable
{
    // Letters stand as they are typed: in a prompt, "->" is no arrow.
    private static readonly Feature[] s_features = [new(Tag.Parse("calt"), 0), new(Tag.Parse("clig"), 0)];
    private static readonly Language s_language = new("und");

    private readonly SKTypeface typeface;
    private readonly Func<Blob> open;
    private readonly Dictionary<float, SKFont> sizes = [];
    private Blob? blob;
    private Face? face;
    private Font? shaper;

    private FontFace(SKTypeface typeface, string name, Func<Blob> open)
    {
        this.typeface = typeface;
        this.open = open;
        Name = name;
    }

    /// <summary>The file, or the family of an embedded font.</summary>
    public string Name { get; }

    /// <summary>Opens a font file.</summary>
    /// <returns>Null: not a font that can be read.</returns>
    public static FontFace? OfFile(string path) =>
        SKTypeface.FromFile(path) is { } typeface ? new(typeface, path, () => Blob.FromFile(path)) : null;

    /// <summary>Opens a font that an assembly holds.</summary>
    public static FontFace OfResource(string name)
    {
        using var stream =
            typeof(FontFace).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"there is no embedded font {name}");
        var file = new byte[stream.Length];
        stream.ReadExactly(file);
        using var data = SKData.CreateCopy(file);
        return new(
            SKTypeface.FromData(data) ?? throw new InvalidOperationException($"the embedded font {name} is damaged"),
            name,
            () => Copy(file)
        );
    }

    /// <summary>Whether there is a glyph of a character.</summary>
    /// <param name="codePoint">The character.</param>
    public bool Has(int codePoint) => typeface.GetGlyph(codePoint) != 0;

    /// <summary>The font at a size.</summary>
    /// <param name="size">Pixels per em.</param>
    public SKFont At(float size)
    {
        if (!sizes.TryGetValue(size, out var font))
        {
            // Positions and outlines as they were designed, so that the same text has the same pixels everywhere.
            font = new SKFont(typeface, size)
            {
                Edging = SKFontEdging.Antialias,
                Hinting = SKFontHinting.None,
                Subpixel = true,
                LinearMetrics = true,
            };
            sizes.Add(size, font);
        }
        return font;
    }

    /// <summary>The glyphs of a part of a line.</summary>
    /// <param name="line">The line: what stands beside the part decides about joined letters.</param>
    /// <param name="start">First character of the part.</param>
    /// <param name="length">Characters of the part: one font, script and direction.</param>
    /// <param name="script">Its script.</param>
    /// <param name="rightToLeft">Its direction.</param>
    /// <param name="size">Pixels per em.</param>
    public ShapedRun Shape(ReadOnlySpan<char> line, int start, int length, Script script, bool rightToLeft, float size)
    {
        using var buffer = new HarfBuzzSharp.Buffer();
        buffer.AddUtf16(line, start, length);
        buffer.Direction = rightToLeft ? Direction.RightToLeft : Direction.LeftToRight;
        buffer.Script = script;
        buffer.Language = s_language;
        var font = Shaper();
        font.Shape(buffer, s_features);
        var infos = buffer.GetGlyphInfoSpan();
        var positions = buffer.GetGlyphPositionSpan();
        var glyphs = new ushort[infos.Length];
        var points = new SKPoint[infos.Length];
        var pixels = size / Math.Max(1, face!.UnitsPerEm);
        float x = 0;
        for (var i = 0; i < infos.Length; i++)
        {
            glyphs[i] = (ushort)infos[i].Codepoint;
            points[i] = new(x + positions[i].XOffset * pixels, -positions[i].YOffset * pixels);
            x += positions[i].XAdvance * pixels;
        }
        return new(this, glyphs, points, x);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        shaper?.Dispose();
        face?.Dispose();
        blob?.Dispose();
        foreach (var font in sizes.Values)
        {
            font.Dispose();
        }

        typeface.Dispose();
    }

    // Blob.FromStream of this version leaves HarfBuzz a pointer into an array that the garbage collector may move.
    private static unsafe Blob Copy(byte[] file)
    {
        fixed (byte* bytes = file)
        {
            return new Blob((IntPtr)bytes, file.Length, MemoryMode.Duplicate);
        }
    }

    // Most fonts of a system are only asked for a character they don't have.
    private Font Shaper()
    {
        if (shaper is null)
        {
            blob = open();
            face = new Face(blob, 0);
            face.UnitsPerEm = typeface.UnitsPerEm;
            shaper = new Font(face);
            shaper.SetScale(face.UnitsPerEm, face.UnitsPerEm);
            shaper.SetFunctionsOpenType();
        }
        return shaper;
    }
}

/// <summary>Glyphs that are drawn with one font, or boxes in the place of characters that no font has.</summary>
/// <param name="Font">The font; null: boxes, one at each point.</param>
/// <param name="Glyphs">Numbers of glyphs in the font, from left to right.</param>
/// <param name="Points">Their origins, from the run's left end on the baseline, in pixels.</param>
/// <param name="Width">Of the run, in pixels.</param>
internal sealed record ShapedRun(FontFace? Font, ushort[] Glyphs, SKPoint[] Points, float Width);
