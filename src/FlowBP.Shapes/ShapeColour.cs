// The adjectives of the embedded world. The six hues are at least 50 degrees apart, so that the nearest hue of a
// pixel stays the same through autoencoder blur, mild colour jitter and anti-aliased edges over a grey background.
namespace FlowBP.Shapes;

/// <summary>The colour of an object.</summary>
public enum ShapeColour
{
    /// <summary>Hue 0°.</summary>
    Red,

    /// <summary>Hue 53°.</summary>
    Yellow,

    /// <summary>Hue 124°.</summary>
    Green,

    /// <summary>Hue 182°.</summary>
    Cyan,

    /// <summary>Hue 232°.</summary>
    Blue,

    /// <summary>Hue 288°.</summary>
    Purple,
}

/// <summary>An RGB colour, each component in [0, 1].</summary>
/// <param name="R">Red.</param>
/// <param name="G">Green.</param>
/// <param name="B">Blue.</param>
public readonly record struct Rgb(float R, float G, float B)
{
    /// <summary>Saturation and value of the HSV model: (max − min) / max and max, both in [0, 1] for a colour in range.</summary>
    public (float Saturation, float Value) SaturationValue
    {
        get
        {
            var max = MathF.Max(R, MathF.Max(G, B));
            var min = MathF.Min(R, MathF.Min(G, B));
            return max <= 0 ? (0, 0) : ((max - min) / max, max);
        }
    }

    /// <summary>Hue of the HSV model in degrees, [0, 360); 0 for a grey.</summary>
    public float Hue
    {
        get
        {
            var max = MathF.Max(R, MathF.Max(G, B));
            var chroma = max - MathF.Min(R, MathF.Min(G, B));
            if (chroma <= 0)
            {
                return 0;
            }

            var sextant =
                max == R ? (G - B) / chroma
                : max == G ? 2 + (B - R) / chroma
                : 4 + (R - G) / chroma;
            return 60 * (sextant < 0 ? sextant + 6 : sextant);
        }
    }
}

/// <summary>Names, pigments and hues of <see cref="ShapeColour"/>.</summary>
public static class Palette
{
    private static readonly string[] s_names = ["red", "yellow", "green", "cyan", "blue", "purple"];

    private static readonly Rgb[] s_pigments =
    [
        new(0.86f, 0.14f, 0.14f),
        new(0.95f, 0.85f, 0.10f),
        new(0.12f, 0.66f, 0.16f),
        new(0.10f, 0.78f, 0.80f),
        new(0.14f, 0.24f, 0.90f),
        new(0.68f, 0.20f, 0.80f),
    ];

    private static readonly float[] s_hues = [.. s_pigments.Select(pigment => pigment.Hue)];

    /// <summary>All colours, in the order of the enumeration.</summary>
    public static IReadOnlyList<ShapeColour> All { get; } = Enum.GetValues<ShapeColour>();

    /// <summary>The adjective, for example <c>red</c>.</summary>
    /// <param name="colour">The colour.</param>
    public static string Name(this ShapeColour colour) => s_names[(int)colour];

    /// <summary>The colour an object of this name is painted with.</summary>
    /// <param name="colour">The colour.</param>
    public static Rgb Pigment(this ShapeColour colour) => s_pigments[(int)colour];

    /// <summary>The colour whose hue is nearest on the colour circle.</summary>
    /// <param name="hue">Hue in degrees, [0, 360).</param>
    public static ShapeColour Nearest(float hue)
    {
        var best = 0;
        var bestDistance = float.PositiveInfinity;
        for (var i = 0; i < s_hues.Length; i++)
        {
            var apart = MathF.Abs(hue - s_hues[i]);
            var distance = MathF.Min(apart, 360 - apart);
            if (distance < bestDistance)
            {
                (best, bestDistance) = (i, distance);
            }
        }
        return (ShapeColour)best;
    }
}
