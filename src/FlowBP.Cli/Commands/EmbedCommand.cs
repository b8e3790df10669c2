// `embed`: prompts to embeddings, once, so that training needs no text encoders.

using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Commands;

/// <summary>Precomputes prompt embeddings.</summary>
internal sealed class EmbedCommand : ICommand
{
    /// <inheritdoc/>
    public string Name => "embed";

    /// <inheritdoc/>
    public string Summary => "precompute prompt embeddings, so that training needs no text encoders";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    [
        "flowbp embed --prompts FILE --output DIR",
        "flowbp embed --model DIR --prompts FILE --output DIR --max_sequence_length 256",
    ];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => [new("options", EmbedSettings.Table.Settings)];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var settings = arguments.To(EmbedSettings.Table);
        Threads.UseAll();
        var summary = ProgressLine.During(terminal, line => Embed(settings, line, terminal));
        var to = terminal.Output;
        to.WriteLine($"{summary.Prompts} prompts, the empty one included, in {Files(summary.Shards)}");
        foreach (var (name, shape) in summary.Shapes)
        {
            to.WriteLine($"{name} [{string.Join(", ", shape)}] each");
        }
        if (summary.Kept > 0)
        {
            to.WriteLine($"already there, verified and kept: {Files(summary.Kept)}");
        }
        to.WriteLine($"{Figures.Bytes(summary.Bytes)} in {settings.Output}");
        return 0;
    }

    private static string Files(int count) => count == 1 ? "1 file" : $"{count} files";

    private static EmbedSummary Embed(EmbedSettings settings, ProgressLine line, Terminal terminal) =>
        new EmbedRun(
            settings,
            (done, total) => line.Show($"{done}/{total} prompts"),
            text => line.Say($"note: {text}")
        ).Execute(terminal.Stop);
}
