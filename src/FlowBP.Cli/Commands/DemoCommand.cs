// `demo`: an alignment whose every setting has a default that suits the embedded model, into a folder of its own.

using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;

namespace FlowBP.Cli.Commands;

/// <summary>Aligns the embedded model and shows what it gained.</summary>
/// <param name="time">The clock that names the output folder.</param>
internal sealed class DemoCommand(TimeProvider time) : ICommand
{
    private readonly DatedFolder folder = new("outputs/demo", time);

    /// <inheritdoc/>
    public string Name => "demo";

    /// <inheritdoc/>
    public string Summary => "align the embedded model and show what it gained";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    ["flowbp demo", "flowbp demo --method leapalign --max_train_steps 100"];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) =>
        AlignmentOptions.Of(method, folder.In(AlignmentConfig.Settings));

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        Alignment.Run(new SettingSources { Flags = [.. folder.AddedTo(arguments)] }, terminal);
        return 0;
    }
}
