// What comes after the last step, when the trained weights are on the disk already: the summary, the parts that make a whole model
// of them, the evaluation, the pictures. Each is attempted though one before it failed, because none depends on it; the first
// failure is then the run's, with the place of the weights. A run that was stopped with its last step is not evaluated any more, but
// its result is as whole.

using FlowBP.Training.Alignment;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>The last phase of a run.</summary>
/// <param name="parts">What it works with.</param>
/// <param name="training">The phase before it, complete.</param>
internal sealed class RunEnding(RunParts parts, TrainingLoop training)
{
    private readonly List<Exception> failures = [];

    /// <summary>Completes the run.</summary>
    /// <param name="before">The evaluation of the base model.</param>
    /// <param name="reports">The reports of all steps.</param>
    /// <param name="cancellation">Stops between two batches of the evaluation.</param>
    /// <exception cref="InterruptedRunException">Something failed, or it was stopped.</exception>
    /// <exception cref="SuspendedRunException">It was asked to make way.</exception>
    public AlignmentSummary Run(
        EvaluationResult before,
        IReadOnlyList<StepReport> reports,
        CancellationToken cancellation
    )
    {
        var summary = new AlignmentSummary
        {
            Method = parts.Config.Method.Name,
            Steps = parts.Weights.Steps,
            Seconds = parts.Progress.Seconds,
            SecondsPerStep = reports.Count == 0 ? 0 : Median([.. reports.Select(report => report.Seconds)]),
            PeakMemoryBytes = reports.Max(report => report.PeakMemoryBytes),
            PeakMemoryOf = parts.Model.Compute.PeakMemory.Counts,
            EvaluationPrompts = before.Prompts.Count,
            Hacking = training.Hacking,
            LeftOutSteps = parts.Progress.LeftOut is > 0 and var count ? count : null,
            Metrics = new Dictionary<string, PairedGain>(),
        };
        try
        {
            if (training.Failure is { } failure)
            {
                failures.Add(failure);
            }
            Attempt(() => parts.Output.Records.WriteSummary(summary));
            if (training.Result == parts.Output.Model)
            {
                Attempt(parts.Weights.SaveOtherParts);
            }
            if (training.Failure is null)
            {
                Attempt(() => summary = summary with { Selection = Select(cancellation) });
                Attempt(() => parts.Observer.Stage("evaluating the aligned model"));
                Attempt(() =>
                {
                    var after = Evaluate(summary.Selection, cancellation);
                    summary = summary with { Metrics = AlignmentSummary.Compare(before, after) };
                    Attempt(() => parts.Output.Records.WriteSummary(summary));
                    Attempt(() => parts.Pictures.Write(parts.Output.Sample(summary.Steps), summary.Steps, after));
                    Attempt(() => parts.Pictures.WriteComparison(parts.Output.Comparison, before, after));
                    var kept = summary.Selection?.Kept.Step ?? summary.Hacking?.KeptStep ?? parts.Weights.Steps;
                    Attempt(() => parts.Observer.Draw(parts.Output.Plot, Curve(before, after, kept)));
                });
            }
        }
        catch (OperationCanceledException e)
        {
            throw training.Suspended(e) ?? (Exception)Interrupted(e);
        }
        return failures is [var first, ..] ? throw Interrupted(first) : summary;
    }

    private TrainingCurve Curve(EvaluationResult before, EvaluationResult after, int kept)
    {
        var records = parts.Output.Records;
        JudgedCurve Of(Judgement judgement) =>
            new(
                judgement.Metric,
                judgement.IsShare,
                [
                    new(0, judgement.Scores.Average()),
                    .. records.Evaluations(judgement.Metric),
                    new(kept, after.Of(judgement.Metric)!.Scores.Average()),
                ]
            );
        return new(
            parts.Config.Method.Name,
            parts.Config.Hinge.Threshold,
            records.Rewards(),
            [.. before.Judgements.Select(Of)]
        );
    }

    // What was trained stays where it is; what is chosen gets a folder of its own.
    private Selection? Select(CancellationToken cancellation)
    {
        if (parts.Selection is not { } choice)
        {
            return null;
        }
        var trained = new Dictionary<int, string>(parts.Checkpoints?.Due() ?? new Dictionary<int, string>())
        {
            // The step whose weights the result holds: the last one, unless the run went back to another.
            [training.Hacking?.KeptStep ?? parts.Weights.Steps] = parts.Weights.Result,
        };
        var adapters = parts.Model.Adapter is not null;
        var selection = choice.Run(trained, adapters, cancellation);
        var kept = ModelSelection.At(
            parts.Config.Model,
            trained[selection.Kept.Step],
            adapters,
            selection.Kept.Strength
        );
        using var model = kept.Open(parts.Model.Compute, [], parts.Observer.Notice);
        parts.Output.Store(() => model.Storage.Save(parts.Output.Selected, parts.Observer.Notice));
        return selection;
    }

    private EvaluationResult Evaluate(Selection? selection, CancellationToken cancellation)
    {
        using var averaged = parts.Trainer.Averaged();
        using var selected = selection is null
            ? null
            : ModelSelection
                .At(parts.Config.Model, parts.Output.Selected, adapters: false, strength: 1)
                .Open(parts.Model.Compute, parts.Evaluator.Prompts, parts.Observer.Notice);
        var result = parts.Evaluator.Run(selected ?? parts.Model, cancellation);
        parts.Observer.Evaluated("aligned", result);
        return result;
    }

    private InterruptedRunException Interrupted(Exception cause) =>
        new(cause, parts.Weights.Steps, training.Result ?? parts.Output.Model);

    private void Attempt(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            failures.Add(e);
        }
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        var middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
