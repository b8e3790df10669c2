// `sample`: pictures of prompts, without judges.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Commands;

/// <summary>Paints prompts.</summary>
/// <param name="time">The clock that names the output folder.</param>
internal sealed class SampleCommand(TimeProvider time) : ICommand
{
    private readonly DatedFolder folder = new("outputs/samples", time);

    /// <inheritdoc/>
    public string Name => "sample";

    /// <inheritdoc/>
    public string Summary => "paint prompts";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    [
        "flowbp sample --prompt \"a photo of a red circle\"",
        "flowbp sample --model outputs/align/model --prompts FILE --output_dir DIR",
        "flowbp sample --model DIR --lora_weights outputs/align/lora",
        "flowbp sample --model DIR --compute_dtype bf16 --height 512 --width 768",
    ];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) =>
        [new("options", folder.In(SampleSettings.Table.Settings))];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var settings = UsageException.Guard(() => SampleSettings.Of(folder.AddedTo(arguments)));
        Threads.UseAll();
        var grid = ProgressLine.During(
            terminal,
            line =>
            {
                line.Begin("loading");
                return new SampleRun(
                    settings,
                    (done, total) => line.Show($"{done}/{total} pictures"),
                    text => line.Say($"note: {text}")
                ).Execute(terminal.Stop);
            }
        );
        terminal.Output.WriteLine($"pictures   {settings.OutputDir}");
        if (grid is not null)
        {
            terminal.Output.WriteLine($"all in one {grid}");
        }
        return 0;
    }
}
