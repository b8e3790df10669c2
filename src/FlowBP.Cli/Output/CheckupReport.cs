// A checkup as a page: what was looked at, the verdict, what was found, and whether it is enough.

using FlowBP.Cli.Machine;
using Spectre.Console;

namespace FlowBP.Cli.Output;

/// <summary>Prints what a machine has.</summary>
internal static class CheckupReport
{
    /// <summary>Prints findings, and what is missing.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="findings">The findings.</param>
    public static void Write(Terminal terminal, IReadOnlyList<Finding> findings)
    {
        var table = new Table().NoBorder().HideHeaders();
        table
            .AddColumn(new TableColumn("what") { NoWrap = true })
            .AddColumn(new TableColumn("verdict") { NoWrap = true });
        table.AddColumn("found");
        foreach (var finding in findings)
        {
            var (word, colour) = finding.Verdict switch
            {
                Verdict.Good => ("ok", Color.Green),
                Verdict.Warning => ("warning", Color.Yellow),
                _ => ("missing", Color.Red),
            };
            table.AddRow(new Text(finding.What), new Text(word, new Style(colour)), new Text(finding.Found));
        }
        terminal.Results.Write(table);
        var missing = findings
            .Where(finding => finding.Verdict == Verdict.Missing)
            .Select(finding => finding.What)
            .ToArray();
        terminal.Output.WriteLine(
            missing.Length == 0 ? "this machine is ready" : $"this machine is not ready: {string.Join(", ", missing)}"
        );
    }
}
