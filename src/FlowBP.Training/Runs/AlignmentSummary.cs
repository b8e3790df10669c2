using FlowBP.Shapes;
using FlowBP.Training.Devices;
using FlowBP.Training.Evaluation;

namespace FlowBP.Training.Runs;

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

    /// <summary>The high-water mark of memory of a training step; null: nobody tells.</summary>
    public required long? PeakMemoryBytes { get; init; }

    /// <summary>What <see cref="PeakMemoryBytes"/> counts: <c>tensors</c>, <c>process</c> or <c>unknown</c>.</summary>
    public required PeakMemoryKind PeakMemoryOf { get; init; }

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
            ["reward"] = PairedBootstrap.Compare(OfPrompts(before, before.Reward), OfPrompts(after, after.Reward)),
        };
        if (before.HeldOutReward is not null && after.HeldOutReward is not null)
        {
            metrics["heldout_reward"] = PairedBootstrap.Compare(
                OfPrompts(before, before.HeldOutReward),
                OfPrompts(after, after.HeldOutReward)
            );
        }
        if (before.Rules is not null && after.Rules is not null && before.Tasks is not null)
        {
            var correctBefore = OfPrompts(before, Correct(before.Rules));
            var correctAfter = OfPrompts(after, Correct(after.Rules));
            metrics["rule_accuracy"] = PairedBootstrap.Compare(correctBefore, correctAfter);
            foreach (var task in GenEvalTasks.All)
            {
                int[] of = [.. Enumerable.Range(0, before.Tasks.Length).Where(p => before.Tasks[p] == task)];
                if (of.Length > 0)
                {
                    metrics[$"rule_accuracy/{task.Name()}"] = PairedBootstrap.Compare(
                        [.. of.Select(p => correctBefore[p])],
                        [.. of.Select(p => correctAfter[p])]
                    );
                }
            }
        }
        return metrics;
    }

    // The prompt is what is resampled, so its pictures' values become one.
    private static double[] OfPrompts(EvaluationResult result, double[] values)
    {
        var prompts = result.Prompts.Count;
        var copies = values.Length / prompts;
        return
        [
            .. Enumerable
                .Range(0, prompts)
                .Select(p => Enumerable.Range(0, copies).Average(copy => values[copy * prompts + p])),
        ];
    }

    private static double[] Correct(Verdict[] verdicts) => [.. verdicts.Select(verdict => verdict.Correct ? 1.0 : 0.0)];
}
