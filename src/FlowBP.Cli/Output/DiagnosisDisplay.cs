// A diagnosis on a terminal: its tables, then what they say.

using FlowBP.Training.Diagnosis;
using Spectre.Console;

namespace FlowBP.Cli.Output;

/// <summary>Prints a diagnosis.</summary>
internal static class DiagnosisDisplay
{
    /// <summary>Prints tables and readings.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="settings">What was asked for.</param>
    /// <param name="report">What was found.</param>
    public static void Write(Terminal terminal, DiagnosisSettings settings, DiagnosisReport report)
    {
        var to = terminal.Output;
        Say(terminal, DiagnosisTables.Subject(settings, report));
        foreach (var table in DiagnosisTables.Of(report))
        {
            to.WriteLine();
            to.WriteLine(table.Title);
            terminal.Results.Write(Table(table));
        }
        to.WriteLine();
        foreach (var reading in DiagnosisReadings.Of(report))
        {
            Say(terminal, reading);
        }
        Say(terminal, $"The whole took {Figures.Duration(TimeSpan.FromSeconds(report.Seconds))}.");
        if (settings.OutputDir is { } folder)
        {
            to.WriteLine();
            to.WriteLine($"written to {folder}");
        }
    }

    private static void Say(Terminal terminal, string sentence) =>
        WrappedText.Write(terminal.Output, sentence, terminal.Results.Profile.Width);

    private static Table Table(DiagnosisTable content)
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
