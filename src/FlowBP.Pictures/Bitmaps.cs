// Skia's pictures: four bytes per pixel, of which the last is not looked at.
using SkiaSharp;

namespace FlowBP.Pictures;

/// <summary>Makes and reads opaque bitmaps of Skia.</summary>
internal static class Bitmaps
{
    /// <summary>An opaque bitmap, whose pixels are still to be set.</summary>
    /// <exception cref="PicturesUnavailableException">It is larger than an array can be, or memory is short.</exception>
    public static SKBitmap Opaque(int width, int height)
    {
        var bitmap = new SKBitmap();
        if (
            4L * width * height <= Array.MaxLength
            && bitmap.TryAllocPixels(new(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque))
        )
        {
            return bitmap;
        }
        bitmap.Dispose();
        throw new PicturesUnavailableException($"a picture of {width} × {height} pixels is too large to be drawn");
    }

    /// <summary>Copies a picture to the pixels of a bitmap of its size.</summary>
    public static void Copy(RgbImage image, SKBitmap bitmap)
    {
        var pixels = Pixels(bitmap);
        for (var i = 0; i < image.Width * image.Height; i++)
        {
            Set(pixels, i, image.Bytes[3 * i], image.Bytes[3 * i + 1], image.Bytes[3 * i + 2]);
        }
    }

    /// <summary>Copies float planes, enlarged by repeating pixels, into a bitmap.</summary>
    /// <param name="planes">[3, height, width], RGB; values are clamped to [0, 1].</param>
    /// <param name="width">Pixels per row of <paramref name="planes"/>.</param>
    /// <param name="height">Rows of <paramref name="planes"/>.</param>
    /// <param name="bitmap">Receives them.</param>
    /// <param name="left">First column.</param>
    /// <param name="top">First row.</param>
    /// <param name="scale">Columns and rows per pixel.</param>
    public static void Copy(
        ReadOnlySpan<float> planes,
        int width,
        int height,
        SKBitmap bitmap,
        int left,
        int top,
        int scale
    )
    {
        var pixels = Pixels(bitmap);
        var plane = width * height;
        var stride = bitmap.RowBytes;
        for (var y = 0; y < height; y++)
        {
            var start = (top + y * scale) * stride + 4 * left;
            var row = pixels.Slice(start, 4 * width * scale);
            for (var x = 0; x < width; x++)
            {
                var i = y * width + x;
                var red = RgbImage.Level(planes[i]);
                var green = RgbImage.Level(planes[plane + i]);
                var blue = RgbImage.Level(planes[2 * plane + i]);
                for (var repeated = 0; repeated < scale; repeated++)
                {
                    Set(row, x * scale + repeated, red, green, blue);
                }
            }
            for (var repeated = 1; repeated < scale; repeated++)
            {
                row.CopyTo(pixels.Slice(start + repeated * stride, row.Length));
            }
        }
    }

    /// <summary>A bitmap as a picture.</summary>
    public static RgbImage ToImage(SKBitmap bitmap)
    {
        var image = new RgbImage(bitmap.Width, bitmap.Height);
        var pixels = bitmap.GetPixelSpan();
        for (var i = 0; i < bitmap.Width * bitmap.Height; i++)
        {
            pixels.Slice(4 * i, 3).CopyTo(image.Bytes.AsSpan(3 * i, 3));
        }

        return image;
    }

    private static unsafe Span<byte> Pixels(SKBitmap bitmap) => new((void*)bitmap.GetPixels(), bitmap.ByteCount);

    private static void Set(Span<byte> pixels, int i, byte red, byte green, byte blue)
    {
        pixels[4 * i] = red;
        pixels[4 * i + 1] = green;
        pixels[4 * i + 2] = blue;
        pixels[4 * i + 3] = byte.MaxValue;
    }
}
