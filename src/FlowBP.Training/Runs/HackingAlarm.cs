// When a training reward goes on rising and a judge that was not trained against falls, the model has learnt the reward's weak spots. The
// alarm compares every judgement with the best one so far, prompt by prompt and from the same noise, and trips when the fall is told from
// chance.

using FlowBP.Training.Configuration;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Runs;

/// <summary>What an alarm says of a step.</summary>
/// <param name="Step">Updates made.</param>
/// <param name="Score">Mean over prompts of the judge's scores.</param>
/// <param name="BestStep">The step of the highest mean so far, this one included.</param>
/// <param name="Fall">This step beside the best one; null: it is the best one.</param>
public sealed record HackingJudgement(int Step, double Score, int BestStep, PairedGain? Fall)
{
    /// <summary>Whether the judge finds this step worse than the best one, the 95 % interval below zero.</summary>
    public bool Trips => Fall?.Direction == -1;
}

/// <summary>Compares a run's judgements with the best one so far.</summary>
public sealed class HackingAlarm
{
    private double[]? best;
    private int bestStep;

    /// <summary>The best judgement's step and scores; null: nothing was judged yet.</summary>
    public (int Step, IReadOnlyList<double> Scores)? Best => best is null ? null : (bestStep, best);

    /// <summary>Goes on where another alarm was.</summary>
    /// <param name="step">The step of its best judgement.</param>
    /// <param name="scores">Its scores, one per prompt.</param>
    public void GoOn(int step, IReadOnlyList<double> scores) => (best, bestStep) = ([.. scores], step);

    /// <summary>Hears a judgement.</summary>
    /// <param name="step">Updates made.</param>
    /// <param name="scores">One score per prompt, the same prompts in the same order every time.</param>
    /// <exception cref="ArgumentException">There are no scores, or another number of them than before.</exception>
    public HackingJudgement Hear(int step, IReadOnlyList<double> scores)
    {
        if (scores.Count == 0 || (best is not null && best.Length != scores.Count))
        {
            throw new ArgumentException($"found {scores.Count} scores, expected {best?.Length.ToString() ?? "some"}");
        }
        var mean = scores.Average();
        if (best is null || mean > best.Average())
        {
            (best, bestStep) = ([.. scores], step);
            return new(step, mean, step, null);
        }
        return new(step, mean, bestStep, PairedBootstrap.Compare(best, scores));
    }
}

/// <summary>What is said when the alarm trips.</summary>
internal static class HackingText
{
    /// <summary>A sentence for people.</summary>
    /// <param name="judgement">The judgement that tripped it.</param>
    /// <param name="response">What happens now.</param>
    public static string Of(HackingJudgement judgement, HackingResponse response)
    {
        var fall = judgement.Fall!;
        var what = FormattableString.Invariant(
            $"step {judgement.Step} is judged worse than step {judgement.BestStep} by {-fall.Gain:F4} [{-fall.GainCi95[1]:F4}, {-fall.GainCi95[0]:F4}]"
        );
        return response switch
        {
            HackingResponse.Rollback => $"{what}: training ends with the weights of step {judgement.BestStep}",
            HackingResponse.Stop => $"{what}: training ends here",
            _ => $"{what}: training goes on (on_hacking warn)",
        };
    }
}
