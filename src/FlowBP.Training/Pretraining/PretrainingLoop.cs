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
/// <param name="cycles">How long and how fast, cycle by cycle.</param>
/// <param name="report">Receives the progress every 50 steps.</param>
internal sealed class PretrainingLoop(
    string stage,
    IReadOnlyList<StageRecipe> cycles,
    Action<PretrainingProgress> report
)
{
    private const int ReportInterval = 50;

    private readonly Stopwatch watch = Stopwatch.StartNew();

    /// <summary>Runs all cycles and leaves the averaged weights (where averaged) in the parameters.</summary>
    /// <param name="parameters">What is trained.</param>
    /// <param name="loss">The loss of a step and a batch size, a scalar with a graph; steps count on over cycles.</param>
    public void Run(IEnumerable<(string Name, Parameter Parameter)> parameters, Func<int, int, Tensor> loss)
    {
        List<(string, Parameter)> trained = [.. parameters];
        var first = 0;
        foreach (var cycle in cycles)
        {
            Run(cycle, trained, loss, first);
            first += cycle.Steps;
        }
    }

    private void Run(StageRecipe cycle, List<(string, Parameter)> parameters, Func<int, int, Tensor> loss, int first)
    {
        var settings = new AdamWSettings
        {
            WeightDecay = cycle.WeightDecay,
            Beta2 = 0.99,
            EmaDecay = cycle.EmaDecay,
        };
        using var optimizer = new FusedAdamW(parameters, settings, new CpuLatentKernels());
        var schedule = new LearningRateSchedule(cycle.LearningRate, cycle.WarmupSteps, cycle.Steps);
        var sum = 0.0;
        var summed = 0;
        for (var step = 0; step < cycle.Steps; step++)
        {
            using var scope = torch.NewDisposeScope();
            var value = loss(first + step, cycle.Batch);
            value.backward();
            optimizer.Step(schedule.At(step), optimizer.GradientNorm());
            sum += value.ToDouble();
            summed++;
            if (summed == ReportInterval || step + 1 == cycle.Steps)
            {
                report(new(stage, first + step + 1, cycles.Sum(c => c.Steps), sum / summed, watch.Elapsed));
                sum = 0;
                summed = 0;
            }
        }
        if (cycle.EmaDecay is not null)
        {
            optimizer.SwapWithEma();
        }
    }
}
