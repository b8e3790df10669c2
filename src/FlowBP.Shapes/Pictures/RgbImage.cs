// Pictures for people: 8-bit RGB rows, as PNG stores them. Everything that computes works on float planes instead;
// this is where the two meet.
namespace FlowBP.Shapes.Pictures;

/// <summary>An 8-bit RGB picture.</summary>
public sealed class RgbImage
{
    /// <summary>Makes a black picture.</summary>
    /// <param name="width">Pixels per row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    public RgbImage(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        Width = width;
        Height = height;
        Bytes = new byte[checked(3 * width * height)];
    }

    /// <summary>Pixels per row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>[height, width, 3]: red, green and blue of each pixel, row by row from the top.</summary>
    public byte[] Bytes { get; }

    /// <summary>Makes a picture of float planes.</summary>
    /// <param name="planes">[3, height, width], RGB; values are clamped to [0, 1] (NaN to 0) and rounded to 256 levels.</param>
    /// <param name="width">Pixels per row.</param>
    /// <param name="height">Rows.</param>
    /// <exception cref="ArgumentException"><paramref name="planes"/> has another length.</exception>
    public static RgbImage FromPlanes(ReadOnlySpan<float> planes, int width, int height)
    {
        if (planes.Length != 3 * width * height)
        {
            throw new ArgumentException(
                $"the planes hold {planes.Length} floats; a [3, {height}, {width}] picture needs {3 * width * height}",
                nameof(planes)
            );
        }
        var image = new RgbImage(width, height);
        int plane = width * height;
        for (int i = 0; i < plane; i++)
        {
            for (int channel = 0; channel < 3; channel++)
                image.Bytes[3 * i + channel] = Level(planes[channel * plane + i]);
        }
        return image;
    }

    /// <summary>The picture as float planes.</summary>
    /// <returns>[3, height, width], RGB, in [0, 1].</returns>
    public float[] ToPlanes()
    {
        int plane = Width * Height;
        var planes = new float[3 * plane];
        for (int i = 0; i < plane; i++)
        {
            for (int channel = 0; channel < 3; channel++)
                planes[channel * plane + i] = Bytes[3 * i + channel] / 255f;
        }
        return planes;
    }

    /// <summary>Fills a rectangle; what lies outside the picture is left out.</summary>
    /// <param name="left">First column.</param>
    /// <param name="top">First row.</param>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="ink">Colour.</param>
    public void Fill(int left, int top, int width, int height, Rgb ink)
    {
        for (int y = Math.Max(0, top); y < Math.Min(Height, top + height); y++)
        {
            for (int x = Math.Max(0, left); x < Math.Min(Width, left + width); x++)
                Blend(x, y, ink, 1);
        }
    }

    /// <summary>Draws float planes enlarged by repeating pixels; what lies outside the picture is left out.</summary>
    /// <param name="planes">[3, height, width], RGB; values are clamped to [0, 1].</param>
    /// <param name="width">Pixels per row of <paramref name="planes"/>.</param>
    /// <param name="height">Rows of <paramref name="planes"/>.</param>
    /// <param name="left">First column.</param>
    /// <param name="top">First row.</param>
    /// <param name="scale">Columns and rows per pixel.</param>
    public void DrawPlanes(ReadOnlySpan<float> planes, int width, int height, int left, int top, int scale)
    {
        int plane = width * height;
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int i = y * width + x;
                var ink = new Rgb(planes[i], planes[plane + i], planes[2 * plane + i]);
                Fill(left + x * scale, top + y * scale, scale, scale, ink);
            }
        }
    }

    /// <summary>Draws a straight stroke with round ends and smooth edges.</summary>
    /// <param name="x0">Abscissa of one end; pixel centres lie at half-integers.</param>
    /// <param name="y0">Ordinate of one end.</param>
    /// <param name="x1">Abscissa of the other end.</param>
    /// <param name="y1">Ordinate of the other end.</param>
    /// <param name="width">Width of the stroke, in pixels.</param>
    /// <param name="ink">Colour.</param>
    public void Stroke(float x0, float y0, float x1, float y1, float width, Rgb ink)
    {
        float reach = width / 2 + 1;
        int top = Math.Max(0, (int)(MathF.Min(y0, y1) - reach));
        int bottom = Math.Min(Height, (int)(MathF.Max(y0, y1) + reach) + 1);
        int left = Math.Max(0, (int)(MathF.Min(x0, x1) - reach));
        int right = Math.Min(Width, (int)(MathF.Max(x0, x1) + reach) + 1);
        for (int y = top; y < bottom; y++)
        {
            for (int x = left; x < right; x++)
            {
                float distance = ShapeGeometry.ToSegment(x + 0.5f, y + 0.5f, x0, y0, x1, y1) - width / 2;
                Blend(x, y, ink, Math.Clamp(0.5f - distance, 0, 1));
            }
        }
    }

    private void Blend(int x, int y, Rgb ink, float opacity)
    {
        Span<byte> pixel = Bytes.AsSpan(3 * (y * Width + x), 3);
        pixel[0] = Level(float.Lerp(pixel[0] / 255f, ink.R, opacity));
        pixel[1] = Level(float.Lerp(pixel[1] / 255f, ink.G, opacity));
        pixel[2] = Level(float.Lerp(pixel[2] / 255f, ink.B, opacity));
    }

    // The comparison also turns NaN into black.
    private static byte Level(float value) => value > 0 ? (byte)(MathF.Min(value, 1) * 255 + 0.5f) : (byte)0;
}
