// `align`: any method, reward and prompts. Its options are those of the run and of the chosen method; nothing about a method
// is written here.

using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;

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
    ];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method) => AlignmentOptions.Of(method, AlignmentConfig.Settings);

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        Alignment.Run(arguments.Given, terminal);
        return 0;
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
        var definition = MethodRegistry.Get(method ?? AlignmentSettings.Method.Default);
        return [new("options", run), new($"options of {definition.Name}", definition.Settings)];
    }
}
