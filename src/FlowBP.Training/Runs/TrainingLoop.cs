// All training steps, and what is due between two of them. However it ends, what has been trained by then is stored: the last
// step's weights before that step is recorded, those of a run that is stopped (by a person, a number that is not finite, a full
// disk, any error) under a name that says so.

using FlowBP.Surrogates;
using FlowBP.Training.Alignment;

namespace FlowBP.Training.Runs;

/// <summary>The training phase of a run.</summary>
/// <param name="parts">What it works with.</param>
internal sealed class TrainingLoop(RunParts parts)
{
    private readonly int steps = parts.Config.MaxTrainSteps;
    private readonly List<StepReport> reports = [];
    private readonly StepAttempts attempts = new(parts);
    private bool inStep;
    private string? result;

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

    /// <summary>
    /// What ended the training when all steps were done: a wish to stop, or what could not be stored or reported. Null: nothing.
    /// </summary>
    public Exception? Failure { get; private set; }

    /// <summary>Trains.</summary>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <returns>A report per step of this process, once all steps are done, whatever <see cref="Failure"/> says.</returns>
    /// <exception cref="InterruptedRunException">
    /// It was stopped between the first step and the last; says where the weights are.
    /// </exception>
    /// <exception cref="SuspendedRunException">It was asked to make way, and has a checkpoint of the steps made.</exception>
    public IReadOnlyList<StepReport> Run(CancellationToken cancellation)
    {
        try
        {
            Train(cancellation);
        }
        catch (Exception e) when (parts.Weights.Steps > 0)
        {
            if (Suspended(e) is { } suspended)
            {
                throw suspended;
            }
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

    /// <summary>The end of a run that was asked to make way, by a checkpoint that can be gone on from.</summary>
    /// <param name="cause">What stopped it.</param>
    /// <returns>Null: it was stopped by something else, or has no checkpoint.</returns>
    public SuspendedRunException? Suspended(Exception cause)
    {
        if (
            !parts.Suspend.IsCancellationRequested
            || (cause as InterruptedRunException)?.Cause is not (null or OperationCanceledException)
            || cause is not (OperationCanceledException or InterruptedRunException)
            || parts.Checkpoints is not { } checkpoints
        )
        {
            return null;
        }
        try
        {
            return new(parts.Weights.Steps, checkpoints.Suspend());
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            parts.Observer.Notice($"no checkpoint after step {parts.Weights.Steps}: {e.Message}");
            return null;
        }
    }

    private void Train(CancellationToken cancellation)
    {
        var first = parts.Weights.Steps;
        if (parts.Watch is { HasEnded: true } || first == steps)
        {
            Result = SaveResult();
        }
        if (parts.Watch is { HasEnded: true } || (first > 0 && HasEndedAt(first, saves: false, cancellation)))
        {
            return;
        }
        if (first == 0)
        {
            Watch(0, cancellation);
        }
        for (var step = first; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            inStep = true;
            var report = attempts.Make(step);
            inStep = false;
            if (step + 1 == steps)
            {
                // Before the step is recorded: a process that is killed here has not claimed what it has not stored.
                Result = SaveResult();
            }
            if (report is not null)
            {
                reports.Add(report);
                parts.Output.Records.WriteMetrics(report);
                parts.Observer.Step(report, steps);
            }
            if (HasEndedAt(step + 1, saves: true, cancellation))
            {
                return;
            }
        }
    }

    // Does what is due after a step, and says whether the alarm ends the training there.
    private bool HasEndedAt(int done, bool saves, CancellationToken cancellation)
    {
        if (done < steps)
        {
            Between(done, saves, cancellation);
        }
        if (!Watch(done, cancellation))
        {
            return false;
        }
        Result = SaveResult();
        return true;
    }

    private string SaveResult()
    {
        parts.Checkpoints?.Finish();
        return parts.Weights.SaveResult();
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

    private void Between(int done, bool saves, CancellationToken cancellation)
    {
        if (saves && IsDue(done, parts.Config.CheckpointingSteps))
        {
            // First: what else is due here is done again by a run that goes on from it.
            parts.Checkpoints?.Save();
        }
        var draws = IsDue(done, parts.Config.SampleInterval);
        var evaluates = IsDue(done, parts.Config.EvaluationInterval);
        if (!(draws || evaluates))
        {
            return;
        }
        using var averaged = parts.Trainer.Averaged();
        if (draws && Judged(done, () => parts.Evaluator.Draw(parts.Model, cancellation)) is { } drawn)
        {
            parts.Pictures.Write(parts.Output.Sample(done), done, drawn);
        }
        if (evaluates && Judged(done, () => parts.Evaluator.Run(parts.Model, cancellation)) is { } judged)
        {
            parts.Observer.Evaluated($"step {done}", judged);
            parts.Output.Records.WriteEvaluation(done, judged);
            parts.Checkpoints?.Hear(judged);
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
            parts.Checkpoints?.Finish();
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
