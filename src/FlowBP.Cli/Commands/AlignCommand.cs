// `align`: any method, reward and prompts. Its options are those of the run and of the chosen method; nothing about a method
// is written here.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;

namespace FlowBP.Cli.Commands;

/// <summary>Aligns a model.</summary>
internal sealed class AlignCommand : ICommand
{
    /// <inheritdoc/>
    public string Name => "align";

    /// <inheritdoc/>
    public string Summary => "align a model: any method, reward and prompts";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    [
        "flowbp align --method flowbp-lagrange --output_dir outputs/lagrange --seed 7",
        "flowbp align --method drtune --model DIR --reward DIR --prompts FILE",
        "flowbp align --preset released/sd35/flowbp-sparse --model DIR --dry-run",
        "flowbp align --gpus 8 --sharding optimizer --config FILE",
        "flowbp align --config FILE --set sampling.rollout_steps=20",
    ];

    /// <inheritdoc/>
    public IReadOnlyList<Setting> MethodSources { get; } =
    [AlignmentConfig.Settings.First(setting => setting.Name == "method"), .. ConfigurationOptions.Sources];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) =>
        [
            new("configuration (preset < config < set < the other options)", ConfigurationOptions.All),
            .. AlignmentOptions.Of(method, AlignmentConfig.Settings),
        ];

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var options = UsageException.Guard(() => ConfigurationOptions.Of(arguments.Given));
        if (options.ListPresets)
        {
            PresetList.Write(terminal.Output);
            return 0;
        }
        var sources = arguments.MethodSources with { Flags = ConfigurationOptions.FlagsOf(arguments.Given) };
        if (options.DryRun)
        {
            var config = UsageException.Guard(() => AlignmentConfig.Resolve(sources));
            new DryRunReport(config, sources.ConfigFile).Write(terminal.Output);
            return 0;
        }
        return Alignment.Run(sources, terminal);
    }
}

/// <summary>The options of the commands that align.</summary>
internal static class AlignmentOptions
{
    /// <summary>The run's options, then the method's.</summary>
    /// <param name="method">Name of the method; null: the default one.</param>
    /// <param name="run">The run's settings.</param>
    /// <exception cref="UnknownNameException">There is no such method.</exception>
    public static IReadOnlyList<OptionGroup> Of(string? method, IReadOnlyList<Setting> run)
    {
        var definition = MethodRegistry.Get(method ?? run.First(setting => setting.Name == "method").DefaultText);
        return [new("options", run), new($"options of {definition.Name}", definition.Settings)];
    }
}
