using System.Globalization;

namespace FlowBP.Training.Tables;

/// <summary>Figures as texts, with a point in every country.</summary>
public static class FigureText
{
    /// <summary>What stands where a quantity is not defined.</summary>
    public const string Undefined = "-";

    /// <summary>A number with so many decimals; what rounds to zero from below is no negative number.</summary>
    /// <param name="value">The number.</param>
    /// <param name="decimals">Digits behind the point.</param>
    public static string Fixed(double value, int decimals)
    {
        var rounded = Math.Round(value, decimals);
        return (rounded == 0 ? 0 : rounded).ToString($"F{decimals}", CultureInfo.InvariantCulture);
    }

    /// <summary>A number of three significant digits; null is undefined.</summary>
    /// <param name="value">The number.</param>
    public static string Significant(double? value)
    {
        if (value is not { } number)
        {
            return Undefined;
        }
        var size = Math.Abs(number);
        return size == 0 ? "0"
            : size is >= 1000 or < 0.001 ? number.ToString("0.0e0", CultureInfo.InvariantCulture)
            : Fixed(number, Math.Max(0, 2 - (int)Math.Floor(Math.Log10(size))));
    }
}
