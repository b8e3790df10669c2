// A report's tables and sentences on a terminal.

using FlowBP.Training.Tables;
using Spectre.Console;

namespace FlowBP.Cli.Output;

/// <summary>Prints reports.</summary>
internal static class TextTables
{
    /// <summary>Prints tables, each below its title.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="tables">The tables.</param>
    public static void Write(Terminal terminal, IEnumerable<TextTable> tables)
    {
        foreach (var table in tables)
        {
            terminal.Output.WriteLine();
            terminal.Output.WriteLine(table.Title);
            terminal.Results.Write(Laid(table));
        }
    }

    /// <summary>Prints a sentence, broken between words.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="sentence">The sentence.</param>
    public static void Say(Terminal terminal, string sentence) =>
        WrappedText.Write(terminal.Output, sentence, terminal.Results.Profile.Width);

    private static Table Laid(TextTable content)
    {
        var table = new Table().NoBorder();
        for (var i = 0; i < content.Headers.Count; i++)
        {
            var isLast = i == content.Headers.Count - 1;
            // Figures and their interval may be broken between the two; a name is not broken.
            var column = new TableColumn(content.Headers[i])
            {
                NoWrap = i == 0,
                Padding = new(0, 0, isLast ? 0 : 2, 0),
            };
            table.AddColumn(i == 0 ? column : column.RightAligned());
        }
        foreach (var row in content.Rows)
        {
            table.AddRow(row.Select(cell => new Text(cell)));
        }
        return table;
    }
}
