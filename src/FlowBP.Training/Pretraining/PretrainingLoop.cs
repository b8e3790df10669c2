// The loop that all stages share: a loss per step, a fused update, a moving average, a report now and then. A loss that is a
// mean over rows is taken in parts, on the threads of a BatchWorkers; a contrastive one needs the whole batch.

using System.Diagnostics;
using FlowBP.Surrogates;
using FlowBP.Training.Devices;
using FlowBP.Training.Optimization;

namespace FlowBP.Training.Pretraining;

/// <summary>Where a stage stands.</summary>
/// <param name="Stage">Name of the stage.</param>
/// <param name="Step">Updates made.</param>
/// <param name="Steps">Updates in all.</param>
/// <param name="Loss">Mean loss since the last report.</param>
/// <param name="Elapsed">Since the stage began.</param>
public sealed record PretrainingProgress(string Stage, int Step, int Steps, double Loss, TimeSpan Elapsed);

/// <summary>The mean loss of some rows of a batch, a scalar with a graph; may be called from several threads.</summary>
/// <param name="rows">The rows.</param>
internal delegate Tensor LossOfRows(Range rows);

/// <summary>Trains parameters by a loss that depends on the step alone.</summary>
/// <param name="stage">Name of the stage, for reports.</param>
/// <param name="cycles">How long and how fast, cycle by cycle.</param>
/// <param name="report">Receives the progress every 50 steps.</param>
/// <param name="workers">
/// Threads that share a batch, for losses that are means over rows; null: the whole batch at once.
/// </param>
internal sealed class PretrainingLoop(
    string stage,
    IReadOnlyList<StageRecipe> cycles,
    Action<PretrainingProgress> report,
    BatchWorkers? workers = null
)
{
    private const int ReportInterval = 50;

    private readonly Stopwatch watch = Stopwatch.StartNew();

    /// <summary>Runs all cycles and leaves the averaged weights (where averaged) in the parameters.</summary>
    /// <param name="parameters">What is trained.</param>
    /// <param name="draw">
    /// Draws the batch of a step and a size, on the calling thread, and returns its loss; steps count on over cycles.
    /// </param>
    public void Run(IEnumerable<(string Name, Parameter Parameter)> parameters, Func<int, int, LossOfRows> draw)
    {
        List<(string, Parameter)> trained = [.. parameters];
        var first = 0;
        foreach (var cycle in cycles)
        {
            Run(cycle, trained, draw, first);
            first += cycle.Steps;
        }
    }

    private void Run(
        StageRecipe cycle,
        List<(string Name, Parameter Parameter)> parameters,
        Func<int, int, LossOfRows> draw,
        int first
    )
    {
        var settings = new AdamWSettings
        {
            WeightDecay = cycle.WeightDecay,
            Beta2 = 0.99,
            EmaDecay = cycle.EmaDecay,
        };
        using var optimizer = new FusedAdamW(parameters, settings, ComputeDevice.Cpu.Kernels);
        var schedule = new LearningRateSchedule(
            cycle.LearningRate,
            cycle.WarmupSteps,
            cycle.CosineSteps ?? cycle.Steps
        );
        var gradients = workers is null ? null : new PartGradients(parameters.Select(p => p.Parameter), workers);
        var sum = 0.0;
        var summed = 0;
        for (var step = 0; step < cycle.Steps; step++)
        {
            using var scope = torch.NewDisposeScope();
            sum += Accumulate(draw(first + step, cycle.Batch), cycle.Batch, gradients);
            optimizer.Step(schedule.At(step), optimizer.GradientNorm());
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

    // Adds the gradients of the mean over all rows and returns that mean.
    private static double Accumulate(LossOfRows loss, int batch, PartGradients? gradients)
    {
        if (gradients is null)
        {
            var whole = loss(..batch);
            whole.backward();
            return whole.ToDouble();
        }
        var values = new double[batch];
        gradients.Accumulate(
            batch,
            rows =>
            {
                var share = loss(rows) * ((double)(rows.End.Value - rows.Start.Value) / batch);
                values[rows.Start.Value] = share.ToDouble();
                return new(share);
            }
        );
        return values.Sum();
    }
}
