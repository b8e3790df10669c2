// All training steps, and what is due between two of them. However it ends, what has been trained by then is stored: the last
// step's weights before that step is recorded, those of a run that is stopped (by a person, a number that is not finite, a full
// disk, any error) under a name that says so.

using System.Diagnostics;
using FlowBP.Training.Alignment;
using S = FlowBP.Training.Configuration.AlignmentSettings;

namespace FlowBP.Training.Runs;

/// <summary>The training phase of a run.</summary>
/// <param name="parts">What it works with.</param>
internal sealed class TrainingLoop(RunParts parts)
{
    private readonly int steps = parts.Config.Get(S.MaxTrainSteps);
    private readonly Stopwatch watch = new();
    private bool inStep;

    /// <summary>Wall time of the steps so far.</summary>
    public double Seconds => watch.Elapsed.TotalSeconds;

    /// <summary>Where the trained weights are; null before all steps are done.</summary>
    public string? Result { get; private set; }

    /// <summary>Trains.</summary>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <returns>A report per step.</returns>
    /// <exception cref="InterruptedRunException">It was stopped after the first step; says where the weights are.</exception>
    public IReadOnlyList<StepReport> Run(CancellationToken cancellation)
    {
        try
        {
            return Train(cancellation);
        }
        catch (Exception e) when (parts.Weights.Steps > 0 && e is not InterruptedRunException)
        {
            throw new InterruptedRunException(e, parts.Weights.Steps, Rescue(e))
            {
                During = inStep ? $"training step {parts.Weights.Steps + 1}" : null,
            };
        }
    }

    private List<StepReport> Train(CancellationToken cancellation)
    {
        List<StepReport> reports = [];
        for (var step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            watch.Start();
            inStep = true;
            var report = parts.Trainer.Step(step);
            inStep = false;
            watch.Stop();
            reports.Add(report);
            if (step + 1 == steps)
            {
                // Before the step is recorded: a process that is killed here has not claimed what it has not stored.
                Result = parts.Weights.SaveResult();
            }
            parts.Output.WriteMetrics(report);
            parts.Observer.Step(report, steps);
            if (step + 1 < steps)
            {
                Between(step + 1, cancellation);
            }
        }
        return reports;
    }

    private void Between(int done, CancellationToken cancellation)
    {
        var draws = IsDue(done, parts.Config.Get(S.SampleInterval));
        var evaluates = IsDue(done, parts.Config.Get(S.EvaluationInterval));
        var saves = IsDue(done, parts.Config.Get(S.CheckpointingSteps));
        if (!(draws || evaluates || saves))
        {
            return;
        }
        using var averaged = parts.Trainer.Averaged();
        if (saves)
        {
            parts.Weights.SaveCheckpoint();
        }
        if (draws)
        {
            parts.Pictures.Write(parts.Output.Sample(done), done, parts.Evaluator.Draw(parts.Model, cancellation));
        }
        if (evaluates)
        {
            var result = parts.Evaluator.Run(parts.Model, cancellation);
            parts.Observer.Evaluated($"step {done}", result);
            parts.Output.WriteEvaluation(done, result);
        }
    }

    private string Rescue(Exception cause)
    {
        try
        {
            return Result ?? (parts.Weights.Steps == steps ? parts.Weights.SaveResult() : parts.Weights.SaveStopped());
        }
        catch (InterruptedRunException elsewhere)
        {
            return elsewhere.Weights;
        }
        catch (Exception e)
        {
            throw new IOException($"{cause.Message}; and what was trained could not be stored: {e.Message}", cause);
        }
    }

    private static bool IsDue(int done, int? interval) => interval is > 0 and var every && done % every == 0;
}
