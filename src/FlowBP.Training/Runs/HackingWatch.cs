// Asks the judge of the alarm now and then, and keeps the best step's weights, so that going back to them is exact.

using FlowBP.Training.Evaluation;
using FlowBP.Training.Pipelines;

namespace FlowBP.Training.Runs;

/// <summary>What the alarm did to a run.</summary>
/// <param name="TrippedAt">The step whose judgement was worse than the best one's; null: none was.</param>
/// <param name="BestStep">The step of the best judgement.</param>
/// <param name="KeptStep">The step whose weights the run ends with.</param>
public sealed record HackingOutcome(int? TrippedAt, int BestStep, int KeptStep);

/// <summary>Watches a model while it is trained.</summary>
/// <param name="model">The model.</param>
/// <param name="evaluator">Paints the prompts of choices and asks one judge.</param>
/// <param name="metric">The judge's metric.</param>
internal sealed class HackingWatch(TextToImage model, ImageEvaluator evaluator, string metric) : IDisposable
{
    private readonly HackingAlarm alarm = new();
    private readonly List<Tensor> best = [];

    /// <summary>Judges the model as it is, and remembers its weights if it is the best so far.</summary>
    /// <param name="step">Updates made.</param>
    /// <param name="cancellation">Stops between two batches of pictures.</param>
    public HackingJudgement Judge(int step, CancellationToken cancellation)
    {
        var result = evaluator.Run(model, cancellation);
        var judgement = alarm.Hear(step, AlignmentSummary.OfPrompts(result, result.Of(metric)!.Scores));
        if (judgement.BestStep == step)
        {
            Forget();
            best.AddRange(
                model.TrainedParameters.Select(each => each.Parameter.detach().cpu().clone().DetachFromDisposeScope())
            );
        }
        return judgement;
    }

    /// <summary>Puts the weights of the best judgement back, to the bit.</summary>
    public void Restore()
    {
        using var noGrad = torch.no_grad();
        foreach (var ((name, parameter), kept) in model.TrainedParameters.Zip(best))
        {
            parameter.copy_(kept);
            // What the network computes with, where that is a rounded copy.
            model.Masters?.Narrow[name].copy_(kept);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Forget();

    private void Forget()
    {
        best.ForEach(tensor => tensor.Dispose());
        best.Clear();
    }
}
