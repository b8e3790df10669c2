// A study on a terminal: its tables, then what they say.

using FlowBP.Training.Studies;

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
        TextTables.Say(terminal, report.Question);
        TextTables.Say(terminal, StudyTables.Subject(report));
        TextTables.Say(terminal, StudyTables.Legend);
        TextTables.Write(terminal, StudyTables.Of(report));
        to.WriteLine();
        foreach (var verdict in StudyVerdicts.Of(report))
        {
            TextTables.Say(terminal, verdict);
        }
        TextTables.Say(terminal, $"This call took {Figures.Duration(TimeSpan.FromSeconds(report.Seconds))}.");
        to.WriteLine();
        to.WriteLine($"written to {folder}");
    }
}
