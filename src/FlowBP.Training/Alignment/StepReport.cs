// What one training step has to say: the numbers of metrics.jsonl and of the progress line.

using FlowBP.Surrogates;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Alignment;

/// <summary>The figures of one training step.</summary>
public sealed record StepReport
{
    /// <summary>Number of the step, from 1.</summary>
    public required int Step { get; init; }

    /// <summary>What the surrogate gradient has to say.</summary>
    public required SurrogateReport Surrogate { get; init; }

    /// <summary>What each of several training rewards says; null: there is one.</summary>
    public RewardCurves? Rewards { get; init; }

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

    /// <summary>
    /// High-water mark of memory within the step, of what <see cref="Devices.PeakMemoryMeter.Counts"/> says; null: nobody
    /// tells.
    /// </summary>
    public required long? PeakMemoryBytes { get; init; }

    /// <summary>Tensors of the process that were alive when the step began: the same in every step, or something is kept.</summary>
    public long LiveTensors { get; init; }
}
