// `plan`: what a run takes in memory and in work, from shapes alone, and what to change where it does not fit.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;
using FlowBP.Surrogates;
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
        "flowbp plan --model sd35 --method flowbp-bridge --gpus 8 --gpu_memory 80",
        "flowbp plan --model flux1 --batch 8 --lora_rank 32 --gpu_memory 24",
    ];

    /// <inheritdoc/>
    public IReadOnlyList<OptionGroup> Options(string? method)
    {
        var definition = MethodRegistry.Get(method ?? PlanSettings.DefaultMethod);
        return [new("options", PlanSettings.All), new($"options of {definition.Name}", definition.Settings)];
    }

    /// <inheritdoc/>
    public int Run(CommandArguments arguments, Terminal terminal)
    {
        var request = UsageException.Guard(() => PlanSettings.Resolve(arguments.Given));
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
}
