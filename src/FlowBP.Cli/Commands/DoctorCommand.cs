// `doctor`: what this machine has, and what to do about what it lacks.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Training;
using Spectre.Console;

namespace FlowBP.Cli.Commands;

/// <summary>Examines the machine.</summary>
internal sealed class DoctorCommand : ICommand
{
    /// <inheritdoc/>
    public string Name => "doctor";

    /// <inheritdoc/>
    public string Summary => "say what this machine has: libtorch, BLAS, threads, memory";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples => [];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => [];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var findings = Checkup.Run(() => EmbeddedAssets.Model).ToArray();
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
        return missing.Length == 0 ? 0 : FailureReport.Failed;
    }
}
