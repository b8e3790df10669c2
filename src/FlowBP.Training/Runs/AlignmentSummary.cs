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

    /// <summary>What was chosen, and from what; null: the last step as it was trained.</summary>
    public Selection? Selection { get; init; }

    /// <summary>What the alarm against hacking did; null: nobody watched.</summary>
    public HackingOutcome? Hacking { get; init; }

    /// <summary>Steps that were left out because a number was not finite; null: none.</summary>
    public int? LeftOutSteps { get; init; }

    /// <summary>
    /// Metrics before and after, one of each judge and one of each of its groups: <c>reward</c>, <c>heldout_reward</c>; in the
    /// embedded world <c>rule_accuracy</c> and <c>rule_accuracy/TASK</c> of each task.
    /// </summary>
    public required IReadOnlyDictionary<string, PairedGain> Metrics { get; init; }

    /// <summary>Compares two evaluations of the same prompts.</summary>
    public static IReadOnlyDictionary<string, PairedGain> Compare(EvaluationResult before, EvaluationResult after)
    {
        Dictionary<string, PairedGain> metrics = [];
        foreach (var judged in before.Judgements)
        {
            if (after.Of(judged.Metric) is not { } judgedAfter)
            {
                continue;
            }
            var valuesBefore = OfPrompts(before, judged.Scores);
            var valuesAfter = OfPrompts(after, judgedAfter.Scores);
            Add(judged.Metric, valuesBefore, valuesAfter);
            foreach (var group in judged.Groups)
            {
                Add(
                    $"{judged.Metric}/{group.Name}",
                    [.. group.Prompts.Select(p => valuesBefore[p])],
                    [.. group.Prompts.Select(p => valuesAfter[p])]
                );
            }

            void Add(string name, double[] from, double[] to) =>
                metrics[name] = PairedBootstrap.Compare(from, to) with { IsShare = judged.IsShare };
        }
        return metrics;
    }

    // The prompt is what is resampled, so its pictures' values become one.
    internal static double[] OfPrompts(EvaluationResult result, double[] values)
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
}
