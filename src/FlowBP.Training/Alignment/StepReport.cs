// What one training step has to say: the numbers of metrics.jsonl and of the progress line.

using FlowBP.Surrogates;

namespace FlowBP.Training.Alignment;

/// <summary>The figures of one training step.</summary>
public sealed record StepReport
{
    /// <summary>Number of the step, from 1.</summary>
    public required int Step { get; init; }

    /// <summary>Hinge loss.</summary>
    public required double Loss { get; init; }

    /// <summary>Mean training reward of the samples.</summary>
    public required double Reward { get; init; }

    /// <summary>Norm of the gradient before clipping.</summary>
    public required double GradNorm { get; init; }

    /// <summary>Learning rate of this step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Wall time of the step.</summary>
    public required double Seconds { get; init; }

    /// <summary>Wall time of each part of the step, seconds, by name.</summary>
    public required IReadOnlyDictionary<string, double> SecondsByPart { get; init; }

    /// <summary>Samples of the batch over <see cref="Seconds"/>.</summary>
    public required double ImagesPerSecond { get; init; }

    /// <summary>High-water mark of tensor memory within the step.</summary>
    public required long PeakMemoryBytes { get; init; }

    /// <summary>Network evaluations of the rollout, and vector-Jacobian products.</summary>
    public required Evaluations RolloutEvaluations { get; init; }

    /// <summary>Vector-Jacobian products.</summary>
    public required Evaluations Products { get; init; }

    /// <summary>Drawn indices by name; a list per sample, or one for the batch.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<IReadOnlyList<int>>> Indices { get; init; }

    /// <summary>Gradient rescale factors by name, mean over the batch.</summary>
    public required IReadOnlyDictionary<string, double> Rescale { get; init; }

    /// <summary>Mean weight of the samples.</summary>
    public required double SampleWeight { get; init; }

    /// <summary>Mean δ_j; null for methods without a split.</summary>
    public double? SplitDeviation { get; init; }

    /// <summary>Mean δ_N; null for methods without predictions.</summary>
    public double? EndDeviation { get; init; }

    /// <summary>Mean <c>|x̂_N − x_N|</c> of Euler replays; null for other methods.</summary>
    public double? ReconstructionError { get; init; }

    /// <summary>Mean share of the trajectory that active steps cover.</summary>
    public required double Coverage { get; init; }

    /// <summary>Share of leaps with a weight of the wrong sign.</summary>
    public required double NegativeWeightFraction { get; init; }

    /// <summary>Samples whose cotangent was not zero.</summary>
    public required int ActiveSamples { get; init; }
}
