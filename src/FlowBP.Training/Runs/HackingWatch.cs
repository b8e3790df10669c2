// Asks the judge of the alarm now and then, keeps the best step's weights, and does what the alarm is to do with the model.

using FlowBP.Training.Checkpoints;
using FlowBP.Training.Configuration;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>What the alarm did to a run.</summary>
/// <param name="TrippedAt">The first step whose judgement was worse than the best one's; null: none was.</param>
/// <param name="BestStep">The step of the best judgement.</param>
/// <param name="KeptStep">The step whose weights the model has.</param>
public sealed record HackingOutcome(int? TrippedAt, int BestStep, int KeptStep);

/// <summary>Watches a model while it is trained.</summary>
/// <param name="settings">How often the judge is asked, and what an alarm does.</param>
/// <param name="steps">Updates of the whole training.</param>
/// <param name="model">The model.</param>
/// <param name="evaluator">Paints the prompts of choices and asks one judge.</param>
/// <param name="metric">The judge's metric.</param>
internal sealed class HackingWatch(
    HackingSettings settings,
    int steps,
    TextToImage model,
    ImageEvaluator evaluator,
    string metric
) : IDisposable
{
    private readonly HackingAlarm alarm = new();
    private WeightSnapshot? best;
    private int? heard;

    /// <summary>What came of it so far; null: nothing was judged yet.</summary>
    public HackingOutcome? Outcome { get; private set; }

    /// <summary>Whether the model is to be judged now: before the first update, every interval, and after the last update.</summary>
    /// <param name="done">Updates made.</param>
    public bool IsDue(int done) => heard != done && (done >= steps || done % settings.HackingInterval == 0);

    /// <summary>Whether a judgement has ended the training.</summary>
    public bool HasEnded => Outcome?.TrippedAt is not null && settings.OnHacking != HackingResponse.Warn;

    /// <summary>All that its next judgements depend on but the weights; null: nothing was judged yet.</summary>
    public AlarmState? State =>
        Outcome is { } outcome && alarm.Best is var (step, scores)
            ? new(heard!.Value, step, scores, outcome.TrippedAt, outcome.KeptStep)
            : null;

    /// <summary>The weights that it may go back to, by parameter; null: there are none, or it never goes back.</summary>
    public IReadOnlyDictionary<string, Tensor>? BestWeights =>
        settings.OnHacking == HackingResponse.Rollback ? best?.ByName(model) : null;

    /// <summary>Goes on where another watch was.</summary>
    /// <param name="state">What its <see cref="State"/> was.</param>
    /// <param name="weights">What its <see cref="BestWeights"/> were; they pass over to this object.</param>
    public void GoOn(AlarmState state, IReadOnlyDictionary<string, Tensor>? weights)
    {
        heard = state.Heard;
        alarm.GoOn(state.BestStep, state.BestScores);
        Outcome = new(state.TrippedAt, state.BestStep, state.KeptStep);
        best?.Dispose();
        best = weights is null ? null : new(model, weights);
    }

    /// <summary>
    /// Judges the model as it is, and remembers its weights if it is the best so far. Where that trips the alarm and the response is
    /// <see cref="HackingResponse.Rollback"/>, the model has the best step's weights afterwards, to the bit.
    /// </summary>
    /// <param name="done">Updates made.</param>
    /// <param name="cancellation">Stops between two batches of pictures.</param>
    public HackingJudgement Judge(int done, CancellationToken cancellation)
    {
        var result = evaluator.Run(model, cancellation);
        var judgement = alarm.Hear(done, AlignmentSummary.OfPrompts(result, result.Of(metric)!.Scores));
        heard = done;
        if (judgement.BestStep == done)
        {
            best?.Dispose();
            best = new(model);
        }
        var isRollback = judgement.Trips && settings.OnHacking == HackingResponse.Rollback;
        if (isRollback)
        {
            best!.Restore(model);
        }
        Outcome = new(
            Outcome?.TrippedAt ?? (judgement.Trips ? done : null),
            judgement.BestStep,
            isRollback ? judgement.BestStep : done
        );
        return judgement;
    }

    /// <summary>Whether training ends with a judgement.</summary>
    /// <param name="judgement">What <see cref="Judge"/> returned.</param>
    public bool Ends(HackingJudgement judgement) => judgement.Trips && settings.OnHacking != HackingResponse.Warn;

    /// <inheritdoc/>
    public void Dispose() => best?.Dispose();
}
