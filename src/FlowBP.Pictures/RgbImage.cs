// Pictures for people: 8-bit RGB rows, as files store them. Everything that computes works on float planes instead;
// this is where the two meet.
namespace FlowBP.Pictures;

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
        var plane = width * height;
        for (var i = 0; i < plane; i++)
        {
            for (var channel = 0; channel < 3; channel++)
            {
                image.Bytes[3 * i + channel] = Level(planes[channel * plane + i]);
            }
        }
        return image;
    }

    /// <summary>The picture as float planes.</summary>
    /// <returns>[3, height, width], RGB, in [0, 1].</returns>
    public float[] ToPlanes()
    {
        var plane = Width * Height;
        var planes = new float[3 * plane];
        for (var i = 0; i < plane; i++)
        {
            for (var channel = 0; channel < 3; channel++)
            {
                planes[channel * plane + i] = Bytes[3 * i + channel] / 255f;
            }
        }
        return planes;
    }

    // The comparison also turns NaN into black.
    internal static byte Level(float value) => value > 0 ? (byte)(MathF.Min(value, 1) * 255 + 0.5f) : (byte)0;
}
