// Gains as texts. A star marks what is told from chance; what is not defined is a dash.

using FlowBP.Training.Tables;

namespace FlowBP.Training.Studies;

/// <summary>Writes values of a metric and their gains: shares in percent and in points, other numbers with four decimals.</summary>
internal static class GainText
{
    private const string Marked = "*";

    /// <summary>A gain with its sign: points of a share, otherwise a number.</summary>
    public static string Change(double value, bool isShare)
    {
        var decimals = isShare ? 1 : 4;
        // Rounded first: what rounds to zero from below is no negative number.
        var rounded = Math.Round(isShare ? 100 * value : value, decimals);
        return (rounded < 0 ? "" : "+") + FigureText.Fixed(rounded, decimals);
    }

    /// <summary>An interval of gains.</summary>
    public static string Interval(double[]? interval, bool isShare) =>
        interval is null ? FigureText.Undefined : $"{Change(interval[0], isShare)}…{Change(interval[1], isShare)}";

    /// <summary>A gain, with a star where both of its intervals leave out zero.</summary>
    public static string Star(SeededGain gain) =>
        Change(gain.Gain, gain.IsShare) + (gain.Direction is 1 or -1 ? Marked : "");

    /// <summary>A value.</summary>
    public static string Value(double value, bool isShare) =>
        isShare ? $"{FigureText.Fixed(100 * value, 1)} %" : FigureText.Fixed(value, 4);
}
