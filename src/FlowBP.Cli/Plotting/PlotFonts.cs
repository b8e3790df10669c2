// A bare machine has no fonts, and then a plot has no words. The font of the labelled grids is in FlowBP.Pictures.

using FlowBP.Pictures;
using ScottPlot;
using SkiaSharp;

namespace FlowBP.Cli.Plotting;

/// <summary>Gives plots the font that comes along.</summary>
internal sealed class PlotFonts : IFontResolver
{
    /// <summary>Name of the font.</summary>
    public const string Family = "Inter";

    private const string Regular = "FlowBP.Pictures.Inter-Regular.ttf";
    private const string Heavy = "FlowBP.Pictures.Inter-SemiBold.ttf";

    private static readonly Lock s_access = new();
    private static bool s_used;

    private PlotFonts() { }

    /// <summary>Has plots of this process use it.</summary>
    public static void Use()
    {
        lock (s_access)
        {
            if (!s_used)
            {
                Fonts.FontResolvers.Insert(0, new PlotFonts());
                Fonts.Default = Family;
                s_used = true;
            }
        }
    }

    /// <inheritdoc/>
    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) =>
        fontName == Family ? Load(weight > FontWeight.Medium ? Heavy : Regular) : null;

    /// <inheritdoc/>
    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) =>
        fontName == Family ? Load(bold ? Heavy : Regular) : null;

    private static SKTypeface Load(string resource)
    {
        using var stream = typeof(ImageGrid).Assembly.GetManifestResourceStream(resource)!;
        return SKTypeface.FromStream(stream);
    }
}
