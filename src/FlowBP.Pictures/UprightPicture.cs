// A camera stores what its sensor sees and beside it how it was held: the orientations of EXIF, of which 1 to 4 mirror and 5 to 8 also
// exchange rows and columns. On the way what is transparent is laid over white, so that no second pass is needed.
using SkiaSharp;

namespace FlowBP.Pictures;

/// <summary>Makes an opaque upright picture of pixels as a file has them.</summary>
internal static class UprightPicture
{
    private const byte White = 255;

    /// <summary>A picture as it was held, over white.</summary>
    public static RgbImage Of(SKBitmap bitmap, SKEncodedOrigin origin)
    {
        (var width, var height) = (bitmap.Width, bitmap.Height);
        var exchanged = origin >= SKEncodedOrigin.LeftTop;
        var image = exchanged ? new RgbImage(height, width) : new RgbImage(width, height);
        var pixels = bitmap.GetPixelSpan();
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                (var right, var down) = origin switch
                {
                    SKEncodedOrigin.TopRight => (width - 1 - x, y),
                    SKEncodedOrigin.BottomRight => (width - 1 - x, height - 1 - y),
                    SKEncodedOrigin.BottomLeft => (x, height - 1 - y),
                    SKEncodedOrigin.LeftTop => (y, x),
                    SKEncodedOrigin.RightTop => (height - 1 - y, x),
                    SKEncodedOrigin.RightBottom => (height - 1 - y, width - 1 - x),
                    SKEncodedOrigin.LeftBottom => (y, width - 1 - x),
                    _ => (x, y),
                };
                var from = pixels.Slice(y * bitmap.RowBytes + 4 * x, 4);
                var to = image.Bytes.AsSpan(3 * (down * image.Width + right), 3);
                int alpha = from[3];
                for (var channel = 0; channel < 3; channel++)
                {
                    to[channel] = (byte)((from[channel] * alpha + White * (White - alpha) + White / 2) / White);
                }
            }
        }
        return image;
    }
}
