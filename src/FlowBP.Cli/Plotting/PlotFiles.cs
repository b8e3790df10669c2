// What all plots have in common: font, size, files, and how a noisy curve is read.

using FlowBP.Formats;
using ScottPlot;

namespace FlowBP.Cli.Plotting;

/// <summary>Makes plots and writes them.</summary>
internal static class PlotFiles
{
    /// <summary>A curve of a hundred noisy values is read by its mean over so many.</summary>
    public const int Smoothing = 8;

    private const int Width = 900;
    private const int Height = 540;

    /// <summary>An empty plot; the caller's to dispose.</summary>
    public static Plot New()
    {
        PlotFonts.Use();
        var plot = new Plot();
        plot.Font.Set(PlotFonts.Family);
        return plot;
    }

    /// <summary>Draws, or says why nothing is drawn.</summary>
    /// <param name="draw">Makes plots and writes them.</param>
    /// <param name="notice">Hears that Skia's library does not load here.</param>
    public static void Guard(Action draw, Action<string> notice)
    {
        try
        {
            draw();
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            notice($"plots are left out: Skia's native library does not load ({e.GetBaseException().Message})");
        }
    }

    /// <summary>Writes a PNG file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="plot">The plot.</param>
    /// <exception cref="CheckpointException">It can't be written.</exception>
    public static void WritePng(string path, Plot plot)
    {
        var picture = plot.GetImageBytes(Width, Height, ImageFormat.Png);
        AtomicFile.Write(path, stream => stream.Write(picture));
    }

    /// <summary>Writes an SVG file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="plot">The plot.</param>
    /// <exception cref="CheckpointException">It can't be written.</exception>
    public static void WriteSvg(string path, Plot plot) => AtomicFile.WriteText(path, plot.GetSvgXml(Width, Height));

    /// <summary>The mean of each value and of the <see cref="Smoothing"/> − 1 before it, as far as there are any.</summary>
    /// <param name="values">A curve.</param>
    public static double[] Smoothed(IReadOnlyList<double> values) =>
        [
            .. values.Select(
                (_, i) =>
                {
                    var from = Math.Max(0, i + 1 - Smoothing);
                    return values.Skip(from).Take(i + 1 - from).Average();
                }
            ),
        ];
}
