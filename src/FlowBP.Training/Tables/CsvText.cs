using System.Globalization;

namespace FlowBP.Training.Tables;

/// <summary>Figures in full, for programs.</summary>
internal static class CsvText
{
    /// <summary>
    /// A line per row. Numbers are written with a point, so that they read back as they were; null is an empty cell. No cell may hold a
    /// comma, a quote or a line's end: names of settings, methods and metrics don't.
    /// </summary>
    /// <param name="rows">Rows of as many cells.</param>
    public static string Of(IEnumerable<IEnumerable<object?>> rows) =>
        string.Concat(rows.Select(row => string.Join(',', row.Select(Cell)) + "\n"));

    private static string Cell(object? value) =>
        value switch
        {
            null => "",
            double number => number.ToString("R", CultureInfo.InvariantCulture),
            _ => string.Create(CultureInfo.InvariantCulture, $"{value}"),
        };
}
