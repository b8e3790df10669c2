// `demo`: an alignment whose every setting has a default that suits the embedded model, into a folder of its own.

using System.Globalization;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Training.Alignment;

namespace FlowBP.Cli.Commands;

/// <summary>Aligns the embedded model and shows what it gained.</summary>
/// <param name="time">The clock that names the output folder.</param>
internal sealed class DemoCommand(TimeProvider time) : ICommand
{
    /// <inheritdoc/>
    public string Name => "demo";

    /// <inheritdoc/>
    public string Summary => "align the embedded model and show what it gained";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    ["flowbp demo", "flowbp demo --method leapalign --max_train_steps 100"];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) =>
        AlignmentOptions.Of(
            method,
            [
                .. AlignmentConfig.Settings.Select(setting =>
                    setting.Name == AlignmentSettings.OutputDir.Name
                        ? AlignmentSettings.OutputDir.With("outputs/demo-DATE-TIME")
                        : setting
                ),
            ]
        );

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var folder = KeyValuePair.Create(
            AlignmentSettings.OutputDir.Name,
            $"outputs/demo-{time.GetLocalNow().ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}"
        );
        Alignment.Run(
            arguments.Has(AlignmentSettings.OutputDir) ? arguments.Given : arguments.Given.Append(folder),
            terminal
        );
        return 0;
    }
}
