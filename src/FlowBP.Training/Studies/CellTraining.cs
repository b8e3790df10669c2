// One cell: a training as `align` does it, its model evaluated on its way and at its end. It stores nothing but its record, so whoever
// stops it loses this cell and no other.

using System.Diagnostics;
using FlowBP.Surrogates;
using FlowBP.Training.Alignment;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;
using FlowBP.Training.Runs;

namespace FlowBP.Training.Studies;

/// <summary>The training of a cell.</summary>
/// <param name="config">The run.</param>
/// <param name="model">The model, opened for training.</param>
/// <param name="reward">The training reward.</param>
/// <param name="prompts">The study's prompts.</param>
/// <param name="curve">Steps after which the model is evaluated.</param>
/// <param name="evaluation">Evaluates.</param>
/// <param name="choosing">Makes the evaluator of choices by the judge's name in settings; only called where something is chosen.</param>
/// <param name="stepDone">Hears of every step.</param>
internal sealed class CellTraining(
    AlignmentConfig config,
    TextToImage model,
    IImageReward reward,
    StudyPrompts prompts,
    IReadOnlyList<int> curve,
    StudyEvaluation evaluation,
    Func<SelectionJudge, string, (Evaluation.ImageEvaluator Evaluator, string Metric)> choosing,
    Action<StepReport> stepDone
)
{
    private readonly List<StepReport> reports = [];
    private readonly List<CurvePoint> points = [];
    private HackingOutcome? hacking;

    /// <summary>Trains and evaluates.</summary>
    /// <param name="cell">The cell.</param>
    /// <param name="cancellation">Stops between two steps or two batches of pictures.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public CellRecord Run(StudyCell cell, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        using var scope = torch.NewDisposeScope();
        using var trainer = new AlignmentTrainer(config, model, reward, prompts.Training);
        using var choice = config.Selection.Select == SelectionJudge.None ? null : Choice();
        IReadOnlyList<MetricScores> metrics = [];
        Candidate? kept = null;
        string? failure = null;
        try
        {
            Train(trainer, choice, cancellation);
            using var averaged = trainer.Averaged();
            kept = choice?.Choose(model, cancellation);
            var judged = evaluation.All(model, cancellation);
            metrics = judged.Scores;
            // What is measured is the last step's model, unless another was chosen or gone back to.
            if (kept is null && (hacking is null || hacking.KeptStep == trainer.StepsDone))
            {
                points.RemoveAll(point => point.Step == trainer.StepsDone);
                points.Add(new(trainer.StepsDone, judged.First));
            }
        }
        catch (NonFiniteException e)
        {
            failure = $"after step {trainer.StepsDone}: {e.Message}";
        }
        return new()
        {
            Arm = cell.Arm,
            Seed = cell.Seed,
            Steps = trainer.StepsDone,
            Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
            Failure = failure,
            Metrics = metrics,
            Curve = points,
            Training = new()
            {
                Reward = [.. reports.Select(report => report.Surrogate.Reward)],
                // A replay deviates from the rollout by rounding: that is no connector's deviation.
                SplitDeviation = Series(report => report.ReconstructionError is null ? report.SplitDeviation : null),
                EndDeviation = Series(report => report.ReconstructionError is null ? report.EndDeviation : null),
                VelocityNormRatio = Series(report => report.VelocityNormRatio),
            },
            Hacking = hacking,
            Kept = kept,
        };
    }

    private void Train(AlignmentTrainer trainer, StrengthChoice? choice, CancellationToken cancellation)
    {
        using var watch = Watch();
        Heed(watch, trainer, 0, cancellation);
        for (var step = 0; step < config.MaxTrainSteps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            var report = trainer.Step(step);
            reports.Add(report);
            stepDone(report);
            var done = step + 1;
            using (trainer.Averaged())
            {
                // Where something is chosen, the last step is judged as it was trained as well.
                var isLast = done == config.MaxTrainSteps;
                if (curve.Contains(done) || (isLast && choice is not null))
                {
                    points.Add(new(done, evaluation.First(model, cancellation)));
                }
                if (curve.Contains(done) || isLast)
                {
                    choice?.Keep(done, model);
                }
                if (Heed(watch, trainer, done, cancellation))
                {
                    return;
                }
            }
        }
    }

    // Whether the alarm ends the training here.
    private bool Heed(HackingWatch? watch, AlignmentTrainer trainer, int done, CancellationToken cancellation)
    {
        if (watch is null || !watch.IsDue(done))
        {
            return false;
        }
        using var averaged = trainer.Averaged();
        var judgement = watch.Judge(done, cancellation);
        hacking = watch.Outcome;
        return watch.Ends(judgement);
    }

    private HackingWatch? Watch()
    {
        if (config.Hacking.OnHacking == HackingResponse.None)
        {
            return null;
        }
        var (evaluator, metric) = choosing(config.Hacking.HackingJudge, "hacking_judge");
        return new(config.Hacking, config.MaxTrainSteps, model, evaluator, metric);
    }

    private StrengthChoice Choice()
    {
        var (evaluator, metric) = choosing(config.Selection.Select, "select");
        return new(model, evaluator, metric, config.Selection.Strengths);
    }

    private IReadOnlyList<double?>? Series(Func<SurrogateReport, double?> of) =>
        reports.Any(report => of(report.Surrogate) is not null)
            ? [.. reports.Select(report => of(report.Surrogate))]
            : null;
}
