// All training steps, and what is due between two of them. However it ends, what has been trained by then is stored: the last
// step's weights before that step is recorded, those of a run that is stopped (by a person, a number that is not finite, a full
// disk, any error) under a name that says so.

using System.Diagnostics;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Runs;

/// <summary>The training phase of a run.</summary>
/// <param name="parts">What it works with.</param>
internal sealed class TrainingLoop(RunParts parts)
{
    private readonly int steps = parts.Config.MaxTrainSteps;
    private readonly Stopwatch watch = new();
    private readonly List<StepReport> reports = [];
    private readonly List<(int Step, EvaluationResult Result)> evaluations = [];
    private bool inStep;
    private string? result;

    /// <summary>Wall time of the steps so far.</summary>
    public double Seconds => watch.Elapsed.TotalSeconds;

    /// <summary>Where the trained weights are; null before all steps are done.</summary>
    public string? Result
    {
        get => result is null ? null : Path.Combine(parts.Output.Root, result);
        private set =>
            // The run's folder may still take the place of another one's.
            result = value?.StartsWith(parts.Output.Root, StringComparison.Ordinal) is true
                ? Path.GetRelativePath(parts.Output.Root, value)
                : value;
    }

    /// <summary>The evaluations between the first step and the last.</summary>
    public IReadOnlyList<(int Step, EvaluationResult Result)> Evaluations => evaluations;

    /// <summary>
    /// What ended the training when all steps were done: a wish to stop, or what could not be stored or reported. Null: nothing.
    /// </summary>
    public Exception? Failure { get; private set; }

    /// <summary>Trains.</summary>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <returns>A report per step, once all steps are done, whatever <see cref="Failure"/> says.</returns>
    /// <exception cref="InterruptedRunException">
    /// It was stopped between the first step and the last; says where the weights are.
    /// </exception>
    public IReadOnlyList<StepReport> Run(CancellationToken cancellation)
    {
        try
        {
            Train(cancellation);
        }
        catch (Exception e) when (parts.Weights.Steps > 0)
        {
            var stopped = e as InterruptedRunException ?? Rescued(e);
            if (parts.Weights.Steps < steps)
            {
                throw stopped;
            }
            (Result, Failure) = (stopped.Weights, stopped.Cause);
        }
        return reports;
    }

    /// <summary>What the alarm against hacking did; null: nobody watched.</summary>
    public HackingOutcome? Hacking => parts.Watch?.Outcome;

    private void Train(CancellationToken cancellation)
    {
        Watch(0, cancellation);
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
            parts.Output.Records.WriteMetrics(report);
            parts.Observer.Step(report, steps);
            if (step + 1 < steps)
            {
                Between(step + 1, cancellation);
            }
            if (Watch(step + 1, cancellation))
            {
                Result = parts.Weights.SaveResult();
                return;
            }
        }
    }

    // Whether the alarm ends the training here.
    private bool Watch(int done, CancellationToken cancellation)
    {
        if (parts.Watch is not { } watch || !watch.IsDue(done))
        {
            return false;
        }
        using var averaged = parts.Trainer.Averaged();
        if (Judged(done, () => watch.Judge(done, cancellation)) is not { } judgement)
        {
            return false;
        }
        parts.Output.Records.WriteHacking(judgement);
        if (judgement.Trips)
        {
            parts.Observer.Notice(HackingText.Of(judgement, parts.Config.Hacking.OnHacking));
        }
        return watch.Ends(judgement);
    }

    private void Between(int done, CancellationToken cancellation)
    {
        var draws = IsDue(done, parts.Config.SampleInterval);
        var evaluates = IsDue(done, parts.Config.EvaluationInterval);
        var saves = IsDue(done, parts.Config.CheckpointingSteps);
        if (!(draws || evaluates || saves))
        {
            return;
        }
        using var averaged = parts.Trainer.Averaged();
        if (saves)
        {
            parts.Weights.SaveCheckpoint();
        }
        if (draws && Judged(done, () => parts.Evaluator.Draw(parts.Model, cancellation)) is { } drawn)
        {
            parts.Pictures.Write(parts.Output.Sample(done), done, drawn);
        }
        if (evaluates && Judged(done, () => parts.Evaluator.Run(parts.Model, cancellation)) is { } judged)
        {
            parts.Observer.Evaluated($"step {done}", judged);
            evaluations.Add((done, judged));
            parts.Output.Records.WriteEvaluation(done, judged);
        }
    }

    // What is not finite in an evaluation may be a judge's alone; what is not finite in the training, a step finds by itself.
    private T? Judged<T>(int done, Func<T> evaluate)
        where T : class
    {
        try
        {
            return evaluate();
        }
        catch (NonFiniteException e)
        {
            parts.Observer.Notice($"no evaluation after step {done}, and training goes on: {e.Message}");
            return null;
        }
    }

    private InterruptedRunException Rescued(Exception cause) =>
        new(cause, parts.Weights.Steps, Rescue(cause))
        {
            During = inStep ? $"training step {parts.Weights.Steps + 1}" : null,
        };

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
