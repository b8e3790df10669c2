// The loop that all stages share: a loss per step, a fused update, a moving average, a report now and then.

using System.Diagnostics;
using FlowBP.Kernels;
using FlowBP.Training.Optimization;

namespace FlowBP.Training.Pretraining;

/// <summary>Where a stage stands.</summary>
/// <param name="Stage">Name of the stage.</param>
/// <param name="Step">Updates made.</param>
/// <param name="Steps">Updates in all.</param>
/// <param name="Loss">Mean loss since the last report.</param>
/// <param name="Elapsed">Since the stage began.</param>
public sealed record PretrainingProgress(string Stage, int Step, int Steps, double Loss, TimeSpan Elapsed);

/// <summary>Trains parameters by a loss that depends on the step alone.</summary>
/// <param name="stage">Name of the stage, for reports.</param>
/// <param name="recipe">How long and how fast.</param>
/// <param name="report">Receives the progress every 50 steps.</param>
internal sealed class PretrainingLoop(string stage, StageRecipe recipe, Action<PretrainingProgress> report)
{
    private const int ReportInterval = 50;

    /// <summary>Runs all steps and leaves the averaged weights (where averaged) in the parameters.</summary>
    /// <param name="parameters">What is trained.</param>
    /// <param name="loss">The loss of a step, a scalar with a graph.</param>
    public void Run(IEnumerable<(string Name, Parameter Parameter)> parameters, Func<int, Tensor> loss)
    {
        List<(string, Parameter)> trained = [.. parameters];
        var watch = Stopwatch.StartNew();
        for (var cycle = 0; cycle < recipe.Cycles; cycle++)
        {
            Cycle(trained, loss, cycle * recipe.Steps, watch);
        }
    }

    private void Cycle(List<(string, Parameter)> parameters, Func<int, Tensor> loss, int first, Stopwatch watch)
    {
        var settings = new AdamWSettings
        {
            WeightDecay = recipe.WeightDecay,
            Beta2 = 0.99,
            EmaDecay = recipe.EmaDecay,
        };
        using var optimizer = new FusedAdamW(parameters, settings, new CpuLatentKernels());
        var schedule = new LearningRateSchedule(recipe.LearningRate, recipe.WarmupSteps, recipe.Steps);
        var sum = 0.0;
        for (var step = 0; step < recipe.Steps; step++)
        {
            using var scope = torch.NewDisposeScope();
            var value = loss(first + step);
            value.backward();
            optimizer.Step(schedule.At(step), optimizer.GradientNorm());
            sum += value.ToDouble();
            if ((step + 1) % ReportInterval == 0)
            {
                report(
                    new(
                        stage,
                        first + step + 1,
                        recipe.Cycles * recipe.Steps,
                        sum / ReportInterval,
                        watch.Elapsed
                    )
                );
                sum = 0;
            }
        }
        if (recipe.EmaDecay is not null)
        {
            optimizer.SwapWithEma();
        }
    }
}
