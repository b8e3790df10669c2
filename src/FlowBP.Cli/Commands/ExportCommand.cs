// `export`: the weights of a checkpoint, without what only training needs.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Commands;

/// <summary>Writes the weights of a checkpoint as a model's folder or an adapter.</summary>
/// <param name="time">The clock that names the output folder.</param>
internal sealed class ExportCommand(TimeProvider time) : ICommand
{
    private readonly DatedFolder folder = new("outputs/export", time);

    /// <inheritdoc/>
    public string Name => "export";

    /// <inheritdoc/>
    public string Summary =>
        "write the model or adapter of a run's checkpoint, verified, without the state of training";

    /// <inheritdoc/>
    public Positional? Positional { get; } =
        new("CHECKPOINT", "a checkpoint's folder, such as RUN/checkpoints/checkpoint-500");

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    ["flowbp export outputs/align/checkpoints/checkpoint-500 --output_dir DIR"];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) =>
        [new("options", folder.In(ExportSettings.Table.Settings))];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        if (arguments.Positionals is not [var checkpoint])
        {
            throw new UsageException($"export takes one checkpoint, got {arguments.Positionals.Count}");
        }
        var settings = UsageException.Guard(() => ExportSettings.Table.Bind(Name, folder.AddedTo(arguments)));
        var kind = ProgressLine.During(
            terminal,
            line =>
            {
                line.Begin("reading");
                return new ExportRun(checkpoint, settings).Execute();
            }
        );
        terminal.Output.WriteLine($"{kind} {settings.OutputDir}");
        return 0;
    }
}
