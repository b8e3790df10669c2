using FlowBP.Shapes;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Alignment;

/// <summary>What summary.json holds: the run in one page.</summary>
public sealed record AlignmentSummary
{
    /// <summary>Name of the method.</summary>
    public required string Method { get; init; }

    /// <summary>Updates made.</summary>
    public required int Steps { get; init; }

    /// <summary>Wall time of the training, without loading and evaluation.</summary>
    public required double Seconds { get; init; }

    /// <summary>Median wall time of a step.</summary>
    public required double SecondsPerStep { get; init; }

    /// <summary>Tensor memory: the high-water mark of a training step.</summary>
    public required long PeakMemoryBytes { get; init; }

    /// <summary>Held-out prompts that the metrics are means over.</summary>
    public required int EvaluationPrompts { get; init; }

    /// <summary>
    /// Metrics before and after: <c>reward</c>, <c>heldout_reward</c>, <c>rule_accuracy</c>, and <c>rule_accuracy/TASK</c>
    /// of each task; the last ones only for the embedded world.
    /// </summary>
    public required IReadOnlyDictionary<string, PairedGain> Metrics { get; init; }

    /// <summary>Compares two evaluations of the same prompts.</summary>
    public static IReadOnlyDictionary<string, PairedGain> Compare(EvaluationResult before, EvaluationResult after)
    {
        Dictionary<string, PairedGain> metrics = new()
        {
            ["reward"] = PairedBootstrap.Compare(before.Reward, after.Reward),
        };
        if (before.HeldOutReward is not null && after.HeldOutReward is not null)
        {
            metrics["heldout_reward"] = PairedBootstrap.Compare(before.HeldOutReward, after.HeldOutReward);
        }
        if (before.Rules is not null && after.Rules is not null && before.Tasks is not null)
        {
            int[] all = [.. Enumerable.Range(0, before.Rules.Length)];
            metrics["rule_accuracy"] = Accuracy(before.Rules, after.Rules, all);
            foreach (var task in GenEvalTasks.All)
            {
                int[] of = [.. all.Where(p => before.Tasks[p] == task)];
                if (of.Length > 0)
                {
                    metrics[$"rule_accuracy/{task.Name()}"] = Accuracy(before.Rules, after.Rules, of);
                }
            }
        }
        return metrics;
    }

    private static PairedGain Accuracy(Verdict[] before, Verdict[] after, int[] prompts) =>
        PairedBootstrap.Compare(
            [.. prompts.Select(p => before[p].Correct ? 1.0 : 0.0)],
            [.. prompts.Select(p => after[p].Correct ? 1.0 : 0.0)]
        );
}
