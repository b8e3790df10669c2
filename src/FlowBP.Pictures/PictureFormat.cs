// The kinds of picture files that are written, told by the end of a file's name, as everybody's other programs do.
namespace FlowBP.Pictures;

/// <summary>A kind of picture file.</summary>
public enum PictureFormat
{
    /// <summary>Exact; the same pixels give the same bytes.</summary>
    Png,

    /// <summary>Quality 95 without loss of colour resolution: a few levels off at sharp edges, a fraction of PNG's size.</summary>
    Jpeg,

    /// <summary>WebP's lossless kind: exact as well.</summary>
    Webp,
}

/// <summary>What is known of each format.</summary>
public static class PictureFormats
{
    private const string Known = ".png, .jpg, .jpeg and .webp";

    /// <summary>The format that a file's name asks for.</summary>
    /// <param name="path">The file, which need not exist.</param>
    /// <exception cref="ArgumentException">The name has no ending of a picture that is written here; the message names both.</exception>
    public static PictureFormat Of(string path) =>
        Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".png" => PictureFormat.Png,
            ".jpg" or ".jpeg" => PictureFormat.Jpeg,
            ".webp" => PictureFormat.Webp,
            "" => throw new ArgumentException($"{path} says no format of a picture: its name needs one of {Known}"),
            var other => throw new ArgumentException($"{path}: {other} is no format of a picture here; {Known} are"),
        };

    /// <summary>The ending of a file's name, with its dot.</summary>
    /// <param name="format">The format.</param>
    public static string Extension(this PictureFormat format) =>
        format switch
        {
            PictureFormat.Jpeg => ".jpg",
            PictureFormat.Webp => ".webp",
            _ => ".png",
        };

    /// <summary>The longest side that a file of this format can have, in pixels.</summary>
    /// <param name="format">The format.</param>
    public static int LongestSide(this PictureFormat format) =>
        format switch
        {
            PictureFormat.Jpeg => 65500,
            PictureFormat.Webp => 16383,
            _ => int.MaxValue,
        };
}
