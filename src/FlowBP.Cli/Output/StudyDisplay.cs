// A study on a terminal: its tables, then what they say.

using FlowBP.Training.Studies;
using Spectre.Console;

namespace FlowBP.Cli.Output;

/// <summary>Prints a study.</summary>
internal static class StudyDisplay
{
    /// <summary>Prints tables and verdicts.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="folder">Where it is kept.</param>
    /// <param name="report">What was found.</param>
    public static void Write(Terminal terminal, string folder, StudyReport report)
    {
        var to = terminal.Output;
        Say(terminal, report.Question);
        Say(terminal, StudyTables.Subject(report));
        Say(terminal, StudyTables.Legend);
        foreach (var table in StudyTables.Of(report))
        {
            to.WriteLine();
            to.WriteLine(table.Title);
            terminal.Results.Write(Table(table));
        }
        to.WriteLine();
        foreach (var verdict in StudyVerdicts.Of(report))
        {
            Say(terminal, verdict);
        }
        Say(terminal, $"This call took {Figures.Duration(TimeSpan.FromSeconds(report.Seconds))}.");
        to.WriteLine();
        to.WriteLine($"written to {folder}");
    }

    private static void Say(Terminal terminal, string sentence) =>
        WrappedText.Write(terminal.Output, sentence, terminal.Results.Profile.Width);

    private static Table Table(StudyTable content)
    {
        var table = new Table().NoBorder();
        for (var i = 0; i < content.Headers.Count; i++)
        {
            var isLast = i == content.Headers.Count - 1;
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
