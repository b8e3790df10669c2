// `save`: a model as a folder of its own.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Commands;

/// <summary>Writes a model whose adapter, or whose strength, is made part of its weights.</summary>
/// <param name="time">The clock that names the output folder.</param>
internal sealed class SaveCommand(TimeProvider time) : ICommand
{
    private readonly DatedFolder folder = new("outputs/model", time);

    /// <inheritdoc/>
    public string Name => "save";

    /// <inheritdoc/>
    public string Summary => "write a model folder: an adapter merged, or weights at a strength";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    [
        "flowbp save --model DIR --strength_base embedded --strength 0.5",
        "flowbp save --model DIR --lora_weights outputs/align/lora --lora_scale 0.8",
    ];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) =>
        [new("options", folder.In(SaveSettings.Table.Settings))];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var settings = UsageException.Guard(() => SaveSettings.Table.Bind(Name, folder.AddedTo(arguments)));
        Threads.UseAll();
        ProgressLine.During(
            terminal,
            line =>
            {
                line.Begin("loading");
                new SaveRun(settings, text => line.Say($"note: {text}")).Execute();
                return true;
            }
        );
        terminal.Output.WriteLine($"model {settings.OutputDir}");
        return 0;
    }
}
