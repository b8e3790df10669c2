// `inspect`: what a configuration describes, without making it. The network is built on the `meta` device, so twelve billion
// parameters cost a second and no memory.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Families.Inspection;
using FlowBP.Settings;
using FlowBP.Training;
using FlowBP.Training.Configuration;
using static FlowBP.Settings.SettingOf;

namespace FlowBP.Cli.Commands;

/// <summary>Describes the networks of a configuration, and compares one with a file.</summary>
internal sealed class InspectCommand : ICommand
{
    private const string None = "none";

    private static readonly Setting<string> Config = Text(
        "config",
        AlignmentSettings.Embedded,
        "a config.json, a folder with one, a layout file, or a model folder (model_index.json)"
    );

    private static readonly Setting<string> Compare = Text(
        "compare",
        None,
        "a layout file, or weights (file, index or folder): exit code 1 and a list where they differ"
    );

    private static readonly Setting<bool> Tensors = Flag("tensors", false, "list every tensor's name and shape");

    private static readonly Setting<bool> Json = Flag(
        "json",
        false,
        "print it all as JSON, in the form of a layout file"
    );

    /// <inheritdoc/>
    public string Name => "inspect";

    /// <inheritdoc/>
    public string Summary => "say what networks a configuration describes, without making them";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    ["flowbp inspect --config DIR/transformer --tensors", "flowbp inspect --config DIR/vae --compare FILE.safetensors"];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => [new("options", [Config, Compare, Tensors, Json])];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var path = EmbeddedAssets.Resolve(arguments.Get(Config), () => EmbeddedAssets.Model);
        var configs = NetworkConfig.Read(path);
        var file = arguments.Get(Compare) is None ? null : arguments.Get(Compare);
        if (file is not null && configs.Count > 1)
        {
            var parts = string.Join(", ", configs.Select(config => config.Part));
            throw new UsageException(
                $"{path} holds several networks ({parts}): give the folder of one to --{Compare.Name}"
            );
        }
        // The file first: a mistyped name should not cost the building.
        var listed = file is null ? null : NetworkLayout.Read(file);
        InspectedNetwork[] networks = [.. configs.Select(Build)];
        var differences = listed is null
            ? null
            : LayoutComparison.Differences(networks[0].Layout, listed, networks[0].Config.Architecture);
        if (arguments.Get(Json))
        {
            InspectionReport.WriteJson(terminal, networks, differences);
        }
        else
        {
            InspectionReport.Write(terminal, networks, arguments.Get(Tensors));
            InspectionReport.WriteDifferences(terminal, file, differences);
        }
        return differences is { Count: > 0 } ? FailureReport.Failed : 0;
    }

    private static InspectedNetwork Build(NetworkConfig config)
    {
        using var network = config.Build();
        return new(config, NetworkLayout.Of(network));
    }
}
