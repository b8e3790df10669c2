// `demo`: an alignment whose every setting has a default that suits the embedded model, into a folder of its own.

using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Training.Configuration;

namespace FlowBP.Cli.Commands;

/// <summary>Aligns the embedded model and shows what it gained.</summary>
/// <param name="time">The clock that names the output folder.</param>
internal sealed class DemoCommand(TimeProvider time) : ICommand
{
    // Latents of the embedded model are a few kilobytes. Rounding them saves nothing, and amplifies the last bits in which two versions
    // of libtorch differ: in float32 the same demo has the same losses with each of them.
    private const string Latents = "latent_dtype";

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
        AlignmentOptions.Of(
            method,
            folder.In([
                .. AlignmentConfig.Settings.Select(setting =>
                    setting.Name == Latents ? setting with { Default = ScalarType.Float32 } : setting
                ),
            ])
        );

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var given = folder.AddedTo(arguments);
        return Alignment.Run(
            new SettingSources
            {
                Flags = given.Any(pair => pair.Key == Latents)
                    ? given
                    : [.. given, KeyValuePair.Create(Latents, "float32")],
            },
            terminal
        );
    }
}
