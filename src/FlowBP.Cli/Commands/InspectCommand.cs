// `inspect`: what a configuration describes, without making it. The network is built on the `meta` device, so twelve billion
// parameters cost a second and no memory.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Families;
using FlowBP.Families.Inspection;
using FlowBP.Settings;
using FlowBP.Training;

namespace FlowBP.Cli.Commands;

/// <summary>Describes the networks of a configuration, and compares one with a file.</summary>
internal sealed class InspectCommand : ICommand
{
    private static readonly SettingTable<InspectOptions> s_options = new(new());

    /// <inheritdoc/>
    public string Name => "inspect";

    /// <inheritdoc/>
    public string Summary => "say what networks a configuration describes, without making them";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    ["flowbp inspect --config DIR/transformer --tensors", "flowbp inspect --config DIR/vae --compare FILE.safetensors"];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => [new("options", s_options.Settings)];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var options = arguments.To(s_options);
        var path = EmbeddedAssets.Resolve(options.Config, () => EmbeddedAssets.Model);
        var configs = NetworkConfig.Read(path);
        var file = options.Compare;
        if (file is not null && configs.Count > 1)
        {
            var parts = string.Join(", ", configs.Select(config => config.Part));
            throw new UsageException($"{path} holds several networks ({parts}): give the folder of one to --compare");
        }
        // The file first: a mistyped name should not cost the building.
        var listed = file is null ? null : NetworkLayout.Read(file);
        InspectedNetwork[] networks = [.. configs.Select(Build)];
        var differences = listed is null
            ? null
            : LayoutComparison.Differences(networks[0].Layout, listed, networks[0].Config.Architecture);
        if (options.Json)
        {
            InspectionReport.WriteJson(terminal, networks, differences);
        }
        else
        {
            InspectionReport.Write(terminal, networks, options.Tensors);
            InspectionReport.WriteDifferences(terminal, file, differences);
        }
        return differences is { Count: > 0 } ? FailureReport.Failed : 0;
    }

    private static InspectedNetwork Build(NetworkConfig config)
    {
        using var network = config.Build();
        return new(config, NetworkLayout.Of(network));
    }

    private sealed record InspectOptions
    {
        [Setting("a config.json, a folder with one, a layout file, or a model folder (model_index.json)")]
        public string Config { get; init; } = ModelFamilies.Embedded;

        [Setting("a layout file, or weights (file, index or folder): exit code 1 and a list where they differ")]
        public string? Compare { get; init; }

        [Setting("list every tensor's name and shape")]
        public bool Tensors { get; init; }

        [Setting("print it all as JSON, in the form of a layout file")]
        public bool Json { get; init; }
    }
}
