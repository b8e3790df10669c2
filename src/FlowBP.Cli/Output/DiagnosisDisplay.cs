// A diagnosis on a terminal: its tables, then what they say.

using FlowBP.Training.Diagnosis;

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
        TextTables.Say(terminal, DiagnosisTables.Subject(settings, report));
        TextTables.Write(terminal, DiagnosisTables.Of(report));
        to.WriteLine();
        foreach (var reading in DiagnosisReadings.Of(report))
        {
            TextTables.Say(terminal, reading);
        }
        TextTables.Say(terminal, $"The whole took {Figures.Duration(TimeSpan.FromSeconds(report.Seconds))}.");
        if (settings.OutputDir is { } folder)
        {
            to.WriteLine();
            to.WriteLine($"written to {folder}");
        }
    }
}
