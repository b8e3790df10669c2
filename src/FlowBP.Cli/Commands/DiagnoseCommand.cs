// `diagnose`: how faithful each method's gradient is to full backpropagation.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Training.Diagnosis;

namespace FlowBP.Cli.Commands;

/// <summary>Compares methods' gradients with full backpropagation's.</summary>
internal sealed class DiagnoseCommand : ICommand
{
    /// <inheritdoc/>
    public string Name => "diagnose";

    /// <inheritdoc/>
    public string Summary => "measure how faithful each method's gradient is to full backpropagation";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    [
        "flowbp diagnose",
        "flowbp diagnose --methods flowbp-bridge,leapalign --draws 16",
        "flowbp diagnose --model outputs/align/model --output_dir outputs/diagnosis",
    ];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => [new("options", DiagnosisSettings.Table.Settings)];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var settings = UsageException.Guard(() =>
        {
            var asked = arguments.To(DiagnosisSettings.Table);
            asked.Check();
            return asked;
        });
        Threads.UseAll();
        var report = ProgressLine.During(
            terminal,
            line =>
            {
                line.Begin("loading");
                return new DiagnosisRun(
                    settings,
                    (draw, method) => line.Show($"draw {draw + 1}/{settings.Draws}: {method}"),
                    text => line.Say($"note: {text}")
                ).Execute(terminal.Stop);
            }
        );
        DiagnosisDisplay.Write(terminal, settings, report);
        return 0;
    }
}
