// Numbers as people read them, the same everywhere.

using System.Globalization;

namespace FlowBP.Cli.Output;

/// <summary>Formats figures.</summary>
internal static class Figures
{
    /// <summary>A number with so many decimals.</summary>
    public static string Number(double value, int decimals) =>
        value.ToString($"F{decimals}", CultureInfo.InvariantCulture);

    /// <summary>A number of four significant digits, such as a norm or a learning rate.</summary>
    public static string Short(double value) => value.ToString("G3", CultureInfo.InvariantCulture);

    /// <summary>A number with its sign.</summary>
    public static string Signed(double value, int decimals)
    {
        // Rounded first: what rounds to zero from below is no negative number.
        var rounded = Math.Round(value, decimals);
        return rounded < 0 ? Number(rounded, decimals) : $"+{Number(Math.Abs(rounded), decimals)}";
    }

    /// <summary>A share in [0, 1] as percent.</summary>
    public static string Percent(double share) => $"{Number(100 * share, 1)} %";

    /// <summary>Bytes in the unit that leaves three or four digits.</summary>
    public static string Bytes(long bytes) =>
        bytes < 10L << 30
            ? $"{Number(bytes / (double)(1 << 20), 0)} MiB"
            : $"{Number(bytes / (double)(1 << 30), 1)} GiB";

    /// <summary>A duration: <c>0:42</c>, <c>12:05</c>, <c>3:07:00</c>.</summary>
    public static string Duration(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(long)time.TotalHours}:{time:mm\\:ss}" : $"{time.Minutes}:{time.Seconds:00}";
}
