// What is written, by Skia's codecs: 8-bit RGB without a colour profile.
using SkiaSharp;

namespace FlowBP.Pictures;

/// <summary>Makes the bytes of PNG, JPEG and WebP files.</summary>
internal static class PictureEncoder
{
    private const int JpegQuality = 95;
    private const int PngLevel = 6;

    // Of lossless WebP, how hard to search for a short file.
    private const float WebpEffort = 75;

    /// <summary>A bitmap as the bytes of a file.</summary>
    /// <exception cref="ArgumentException">The format can't hold a picture of this size.</exception>
    /// <exception cref="PicturesUnavailableException">Memory is short.</exception>
    public static byte[] Encode(SKBitmap bitmap, PictureFormat format)
    {
        if (Math.Max(bitmap.Width, bitmap.Height) > format.LongestSide())
        {
            throw new ArgumentException(
                $"a picture of {bitmap.Width} × {bitmap.Height} pixels does not fit into a {format.Extension()} file, "
                    + $"whose sides have at most {format.LongestSide()}"
            );
        }
        using var pixels = bitmap.PeekPixels();
        using var file = format switch
        {
            PictureFormat.Jpeg => pixels.Encode(
                new SKJpegEncoderOptions(
                    JpegQuality,
                    SKJpegEncoderDownsample.Downsample444,
                    SKJpegEncoderAlphaOption.Ignore
                )
            ),
            PictureFormat.Webp => pixels.Encode(
                new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossless, WebpEffort)
            ),
            _ => pixels.Encode(new SKPngEncoderOptions(SKPngEncoderFilterFlags.AllFilters, PngLevel)),
        };
        return file?.ToArray()
            ?? throw new PicturesUnavailableException(
                $"a picture of {bitmap.Width} × {bitmap.Height} pixels could not be encoded as {format.Extension()}: "
                    + "out of memory?"
            );
    }
}
