// `plan`: what a run takes in memory and in work, from shapes alone, and what to change where it does not fit.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.Planning;

namespace FlowBP.Cli.Commands;

/// <summary>Predicts memory and work.</summary>
internal sealed class PlanCommand : ICommand
{
    /// <inheritdoc/>
    public string Name => "plan";

    /// <inheritdoc/>
    public string Summary => "predict a run's memory and work, and what makes it fit";

    /// <inheritdoc/>
    public IReadOnlyList<string> Examples { get; } =
    [
        "flowbp plan --config FILE --gpus 8 --gpu_memory 80 --sharding full",
        "flowbp plan --model sd35 --method flowbp-bridge --gpus 8 --gpu_memory 80",
        "flowbp plan --model flux1 --batch 8 --lora_rank 32 --gpu_memory 24",
    ];

    /// <inheritdoc/>
    public IReadOnlyList<Setting> MethodSources { get; } =
    [PlanSettings.All.First(setting => setting.Name == "method"), .. ConfigurationOptions.Sources];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method)
    {
        var definition = MethodRegistry.Get(method ?? PlanSettings.DefaultMethod);
        return
        [
            new("configuration of the run (preset < config < set < the other options)", ConfigurationOptions.Sources),
            new("options", PlanSettings.All),
            new($"options of {definition.Name}", definition.Settings),
        ];
    }

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var request = UsageException.Guard(() => PlanRequests.Resolve(Settings(arguments)));
        var plan = UsageException.Guard(() => new RunPlan(request));
        PlanReport.Write(terminal, request, plan);
        if (plan.Fits)
        {
            return 0;
        }
        var fitting = PlanSearch.Find(request);
        PlanReport.WriteWays(terminal, fitting, fitting.Count > 0 ? null : PlanSearch.Smallest(request));
        return FailureReport.Failed;
    }

    // Those of the configured run, if one is named, and over them what was typed.
    private static IEnumerable<KeyValuePair<string, string>> Settings(CommandArguments arguments)
    {
        var typed = ConfigurationOptions.FlagsOf(arguments.Given);
        if (typed.Count == arguments.Given.Count)
        {
            return typed;
        }
        // Their only flag is the method.
        var config = AlignmentConfig.Resolve(arguments.MethodSources);
        var names = typed.Select(pair => pair.Key).ToHashSet();
        return ConfiguredPlan
            .Of(config, PlanSettings.Of(typed).Gpus)
            .Where(pair => !names.Contains(pair.Key))
            .Concat(typed);
    }
}
