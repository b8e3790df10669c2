// Picture files, by Skia's codecs. What is written is 8-bit RGB without a colour profile. What is read may be any PNG, JPEG or WebP
// that somebody has: 16 bits, palettes, interlacing, transparency, a profile, a camera's orientation; it becomes upright 8-bit sRGB.
using SkiaSharp;

namespace FlowBP.Pictures;

/// <summary>Writes and reads PNG, JPEG and WebP files.</summary>
public static class PictureFile
{
    private const int JpegQuality = 95;
    private const int PngLevel = 6;

    // Of lossless WebP, how hard to search for a short file.
    private const float WebpEffort = 75;
    private const byte White = 255;

    /// <summary>Asks whether pictures can be written and read on this machine.</summary>
    /// <exception cref="PicturesUnavailableException">The native library does not load; the message says why.</exception>
    public static void RequireLibrary() => NativeLibraries.RequireSkia();

    /// <summary>Writes a picture to a file; a half-written file is never left under its name.</summary>
    /// <param name="path">The file, whose name says the format; its folder must exist.</param>
    /// <param name="image">The picture.</param>
    /// <exception cref="ArgumentException">The name says no format, or its format can't hold a picture of this size.</exception>
    /// <exception cref="PicturesUnavailableException">The native library does not load.</exception>
    public static void Save(string path, RgbImage image)
    {
        var file = Encode(image, PictureFormats.Of(path));
        var partial = path + ".partial";
        File.WriteAllBytes(partial, file);
        File.Move(partial, path, overwrite: true);
    }

    /// <summary>Reads a picture from a file.</summary>
    /// <param name="path">The file; what it is says its content, not its name.</param>
    /// <exception cref="InvalidDataException">Not a picture of these kinds, or damaged; the message names the file.</exception>
    /// <exception cref="PicturesUnavailableException">The native library does not load.</exception>
    public static RgbImage Load(string path)
    {
        try
        {
            return Decode(File.ReadAllBytes(path));
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException($"{path}: {error.Message}", error);
        }
    }

    /// <summary>A picture as the bytes of a file.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="format">The format.</param>
    /// <exception cref="ArgumentException">The format can't hold a picture of this size.</exception>
    /// <exception cref="PicturesUnavailableException">The native library does not load.</exception>
    public static byte[] Encode(RgbImage image, PictureFormat format)
    {
        NativeLibraries.RequireSkia();
        using var bitmap = Bitmaps.Opaque(image.Width, image.Height);
        Bitmaps.Copy(image, bitmap);
        return Encode(bitmap, format);
    }

    internal static byte[] Encode(SKBitmap bitmap, PictureFormat format)
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

    /// <summary>The picture in the bytes of a file.</summary>
    /// <param name="file">A whole PNG, JPEG or WebP file.</param>
    /// <returns>Upright, 8-bit sRGB; what is transparent lies over white.</returns>
    /// <exception cref="InvalidDataException">Not such a file, or damaged.</exception>
    /// <exception cref="PicturesUnavailableException">The native library does not load.</exception>
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
        if ((long)width * height > Array.MaxLength / 4)
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
            SKCodecResult.Success => Upright(bitmap, codec.EncodedOrigin),
            SKCodecResult.IncompleteInput => throw new InvalidDataException(
                $"the {codec.EncodedFormat} file ends before its last pixel, or is damaged there"
            ),
            _ => throw new InvalidDataException($"the {codec.EncodedFormat} file is damaged ({result})"),
        };
    }

    // The orientations of EXIF: 1 to 4 mirror, 5 to 8 also exchange rows and columns.
    private static RgbImage Upright(SKBitmap bitmap, SKEncodedOrigin origin)
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
