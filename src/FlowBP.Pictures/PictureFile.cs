// Picture files: a file is whole or not there, and what is wrong with one is said with its name.

namespace FlowBP.Pictures;

/// <summary>Writes and reads PNG, JPEG and WebP files.</summary>
public static class PictureFile
{
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
        return PictureEncoder.Encode(bitmap, format);
    }

    /// <summary>The picture in the bytes of a file.</summary>
    /// <param name="file">A whole PNG, JPEG or WebP file.</param>
    /// <returns>Upright, 8-bit sRGB; what is transparent lies over white.</returns>
    /// <exception cref="InvalidDataException">Not such a file, or damaged.</exception>
    /// <exception cref="PicturesUnavailableException">The native library does not load.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> file) => PictureDecoder.Decode(file);
}
