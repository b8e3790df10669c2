// What is read, by Skia's codecs: any PNG, JPEG or WebP that somebody has, with 16 bits, palettes, interlacing, transparency, a profile,
// a camera's orientation. It becomes upright 8-bit sRGB.
using SkiaSharp;

namespace FlowBP.Pictures;

/// <summary>Reads the bytes of PNG, JPEG and WebP files.</summary>
internal static class PictureDecoder
{
    // What the formats reach where a picture is one color; what is smaller than a screen needs no such measure.
    private const int PixelsPerByte = 1024;
    private const int FreePixels = 1 << 25;

    /// <summary>The picture in the bytes of a file; see <see cref="PictureFile.Decode"/>.</summary>
    public static RgbImage Decode(ReadOnlySpan<byte> file)
    {
        NativeLibraries.RequireSkia();
        using var data = SKData.CreateCopy(file);
        using var codec =
            SKCodec.Create(data)
            ?? throw new InvalidDataException("not a PNG, JPEG or WebP picture, or damaged at its beginning");
        if (
            codec.EncodedFormat
            is not (SKEncodedImageFormat.Png or SKEncodedImageFormat.Jpeg or SKEncodedImageFormat.Webp)
        )
        {
            throw new InvalidDataException($"a {codec.EncodedFormat} picture; only PNG, JPEG and WebP are read");
        }

        (var width, var height) = (codec.Info.Width, codec.Info.Height);
        // A kilobyte can claim two billion bytes of pixels.
        if ((long)width * height > Math.Min(Array.MaxLength / 4, FreePixels + (long)PixelsPerByte * file.Length))
        {
            throw new InvalidDataException($"a picture of {width} × {height} pixels is too large to be read");
        }

        using var sRgb = SKColorSpace.CreateSrgb();
        using var bitmap = new SKBitmap();
        if (!bitmap.TryAllocPixels(new(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, sRgb)))
        {
            throw new InvalidDataException($"no memory for a picture of {width} × {height} pixels");
        }

        var result = codec.GetPixels(bitmap.Info, bitmap.GetPixels());
        return result switch
        {
            SKCodecResult.Success => UprightPicture.Of(bitmap, codec.EncodedOrigin),
            SKCodecResult.IncompleteInput => throw new InvalidDataException(
                $"the {codec.EncodedFormat} file ends before its last pixel, or is damaged there"
            ),
            _ => throw new InvalidDataException($"the {codec.EncodedFormat} file is damaged ({result})"),
        };
    }
}
