// `doctor`: what this machine has, and what to do about what it lacks.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Settings;
using FlowBP.Training;
using Spectre.Console;

namespace FlowBP.Cli.Commands;

/// <summary>Examines the machine.</summary>
internal sealed class DoctorCommand : ICommand
{
    private static readonly SettingTable<DoctorOptions> s_options = new(new());

    /// <inheritdoc/>
    public string Name => "doctor";

    /// <inheritdoc/>
    public string Summary => "say what this machine has: libtorch, BLAS, threads, memory";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } = ["flowbp doctor", "flowbp doctor --loading true"];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => [new("options", s_options.Settings)];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        if (arguments.To(s_options).Loading)
        {
            TorchLibrary.Load();
            if (TorchLibrary.Remedy is { } remedy)
            {
                terminal.Output.WriteLine(remedy);
            }
            return 0;
        }
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

    private sealed record DoctorOptions
    {
        [Setting("only load libtorch: says what had to be done for that, or nothing, and fails where it can't be")]
        public bool Loading { get; init; }
    }
}
