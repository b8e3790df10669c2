// `doctor`: what this machine has, and what to do about what it lacks.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Settings;
using FlowBP.Training;

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
        CheckupReport.Write(terminal, findings);
        return findings.Any(finding => finding.Verdict == Verdict.Missing) ? FailureReport.Failed : 0;
    }

    private sealed record DoctorOptions
    {
        [Setting("only load libtorch: says what had to be done for that, or nothing, and fails where it can't be")]
        public bool Loading { get; init; }
    }
}
