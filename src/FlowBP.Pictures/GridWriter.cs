// Grids as files, for programs whose work is something else: what a machine can't draw is left out and told in one line, once. Pictures
// are never a reason to lose what was trained.

using FlowBP.Pictures.Text;

namespace FlowBP.Pictures;

/// <summary>Draws grids, and says what they lack.</summary>
/// <param name="notice">Receives a line for everything that is left out, once each.</param>
/// <param name="fonts">The fonts of the labels; null: those of <see cref="PictureFonts.Default"/>.</param>
public sealed class GridWriter(Action<string>? notice = null, PictureFonts? fonts = null)
{
    private readonly MissingCharacters missing = new();
    private readonly HashSet<string> told = [];

    /// <summary>A grid as the bytes of a file.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="name">The file's name, whose ending says the format.</param>
    /// <returns>Null if it can't be drawn on this machine, which was said.</returns>
    /// <exception cref="ArgumentException">
    /// The name says no format, there is no cell, a picture has another size than the grid says, or the format can't hold the grid.
    /// </exception>
    public byte[]? Encode(ImageGrid grid, string name)
    {
        var format = PictureFormats.Of(name);
        try
        {
            NativeLibraries.RequireSkia();
            var labels = Labels();
            using var bitmap = grid.Paint(labels, missing);
            foreach (var problem in labels?.Problems ?? [])
            {
                Tell(problem);
            }

            if (missing.TakeNotice() is { } line)
            {
                Tell(line);
            }

            return PictureEncoder.Encode(bitmap, format);
        }
        catch (PicturesUnavailableException e)
        {
            if (told.Add(e.Message))
            {
                notice?.Invoke($"{Path.GetFileName(name)} is left out, and others for the same reason: {e.Message}");
            }

            return null;
        }
    }

    private PictureFonts? Labels()
    {
        if (NativeLibraries.WhyNoText is not { } why)
        {
            return fonts ?? PictureFonts.Default;
        }

        Tell($"the pictures have no labels: HarfBuzzSharp's native library does not load here ({why})");
        return null;
    }

    private void Tell(string line)
    {
        if (told.Add(line))
        {
            notice?.Invoke(line);
        }
    }
}
