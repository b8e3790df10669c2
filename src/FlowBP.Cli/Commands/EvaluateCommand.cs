// `evaluate`: what the judges say of a model, alone or against a baseline.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Commands;

/// <summary>Measures a model.</summary>
/// <param name="time">The clock that names the output folder.</param>
internal sealed class EvaluateCommand(TimeProvider time) : ICommand
{
    private readonly DatedFolder folder = new("outputs/evaluation", time);

    /// <inheritdoc/>
    public string Name => "evaluate";

    /// <inheritdoc/>
    public string Summary => "measure a model: training reward, held-out reward, rule accuracy per task";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    [
        "flowbp evaluate --model outputs/align/model",
        "flowbp evaluate --model outputs/align/model --baseline embedded",
        "flowbp evaluate --model DIR --lora_weights outputs/align/lora --baseline DIR",
    ];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) =>
        [new("options", folder.In(EvaluationSettings.Table.Settings))];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var settings = UsageException.Guard(() => EvaluationSettings.Table.Bind(Name, folder.AddedTo(arguments)));
        Threads.UseAll();
        var summary = ProgressLine.During(
            terminal,
            line =>
                new EvaluationRun(settings, new AlignmentProgress(line, TimeProvider.System, terminal.Stop)).Execute(
                    terminal.Stop
                )
        );
        terminal.Output.WriteLine($"{summary.Prompts} evaluation prompts");
        terminal.Output.WriteLine();
        if (summary.HasBaseline)
        {
            GainTable.Write(terminal, summary.Metrics);
            terminal.Output.WriteLine();
            foreach (var verdict in GainTable.Verdicts(summary.Metrics))
            {
                terminal.Output.WriteLine(verdict);
            }
        }
        else
        {
            GainTable.WriteValues(terminal, summary.Metrics);
        }
        terminal.Output.WriteLine();
        terminal.Output.WriteLine($"written to {settings.OutputDir}");
        return 0;
    }
}
