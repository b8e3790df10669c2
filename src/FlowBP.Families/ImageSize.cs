using FlowBP.Settings;

namespace FlowBP.Families;

/// <summary>Size of a picture.</summary>
/// <param name="Height">Pixels along Y.</param>
/// <param name="Width">Pixels along X.</param>
public readonly record struct ImageSize(int Height, int Width)
{
    /// <summary>The size in units of several pixels.</summary>
    /// <param name="unit">Pixels per side of a unit.</param>
    /// <exception cref="InvalidSettingException">A side is not positive, or no multiple of the unit.</exception>
    public (int Rows, int Columns) In(int unit) =>
        Height > 0 && Width > 0 && Height % unit == 0 && Width % unit == 0
            ? (Height / unit, Width / unit)
            : throw new InvalidSettingException(
                $"found a picture of {Height} × {Width} pixels, expected sides that are multiples of {unit}: "
                    + $"try {Nearest(Height, unit)} × {Nearest(Width, unit)}"
            );

    private static int Nearest(int side, int unit) =>
        Math.Max(1, (int)Math.Round((double)side / unit, MidpointRounding.AwayFromZero)) * unit;
}
