// What a diagnosis finds, as numbers. A figure that is not defined is null and never zero.

using FlowBP.Training.Devices;

namespace FlowBP.Training.Diagnosis;

/// <summary>How a method's gradient lies to full backpropagation's, with one treatment of the negative branch.</summary>
public sealed record BranchFidelity
{
    /// <summary>Cosine of one gradient, mean over all draws; null: every gradient was zero.</summary>
    public required Estimate? Cosine { get; init; }

    /// <summary>Cosine per draw of prompts and noise, mean over its index draws; NaN never, null: not defined.</summary>
    public required IReadOnlyList<double?> CosineByDraw { get; init; }

    /// <summary>Norm over that of the reference, mean over all draws.</summary>
    public required Estimate? NormRatio { get; init; }

    /// <summary>
    /// Cosine of the expectation over index draws, mean over draws of prompts and noise. The expectation's squared norm is
    /// estimated without bias, so the estimate can exceed 1 by its error. Null: the expectation is told from zero in no draw.
    /// </summary>
    public required Estimate? MeanCosine { get; init; }

    /// <summary>
    /// E|g − E g|² / |E g|² over index draws, of a batch with a draw per sample; both sums are over all draws of prompts and noise.
    /// </summary>
    public required Estimate? VariancePerSample { get; init; }

    /// <summary>The same of a batch that shares one draw; null: not measured with this treatment of the negative branch.</summary>
    public required Estimate? VariancePerBatch { get; init; }

    /// <summary>Gradients that were zero, and so have no cosine.</summary>
    public required int ZeroGradients { get; init; }

    /// <summary>Wall time of one batch's gradient, its rollout included.</summary>
    public required double Seconds { get; init; }

    /// <summary>High-water mark of memory meanwhile, of what the report's kind says; null: nobody tells.</summary>
    public required long? PeakMemoryBytes { get; init; }
}

/// <summary>What is found about one method.</summary>
public sealed record MethodDiagnosis
{
    /// <summary>Name.</summary>
    public required string Method { get; init; }

    /// <summary>With the negative branch a constant in gradients; null: there is no negative branch.</summary>
    public required BranchFidelity? Detached { get; init; }

    /// <summary>With both branches differentiated, or without guidance of two branches.</summary>
    public required BranchFidelity Attached { get; init; }

    /// <summary>Whether methods are ordered by the former.</summary>
    internal bool IsOrderedByDetached { get; init; }

    /// <summary>The one of them that methods are ordered by: as training would have it.</summary>
    internal BranchFidelity Leading => IsOrderedByDetached ? Detached! : Attached;

    /// <summary>δ_j of a connector; null: the method predicts no split, or replays the rollout's own steps.</summary>
    public required Estimate? SplitDeviation { get; init; }

    /// <summary>δ_N of a connector; null as there.</summary>
    public required Estimate? EndDeviation { get; init; }

    /// <summary>Largest <c>mean|x̂_N − x_N|</c> of a replay; null: the method is none.</summary>
    public required double? ReconstructionError { get; init; }

    /// <summary><c>Σ_A |h_i| / Σ |h_i|</c>.</summary>
    public required Estimate? Coverage { get; init; }

    /// <summary>How often each step is active, in [0, 1], from the noisy end.</summary>
    public required IReadOnlyList<double> ActiveShareByStep { get; init; }

    /// <summary>Largest number of Jacobian factors on a path.</summary>
    public required int NestedDepth { get; init; }

    /// <summary>Network evaluations without a pullback, per sample: rollout and re-noised copies.</summary>
    public required double ForwardsPerSample { get; init; }

    /// <summary>Vector-Jacobian products per sample; each has a forward of its own.</summary>
    public required double ProductsPerSample { get; init; }
}

/// <summary>What a diagnosis finds.</summary>
public sealed record DiagnosisReport
{
    /// <summary>Parameters that the gradients are with respect to.</summary>
    public required long Parameters { get; init; }

    /// <summary>D, draws of prompts and noise.</summary>
    public required int Draws { get; init; }

    /// <summary>R, draws of indices for each of them.</summary>
    public required int IndexDraws { get; init; }

    /// <summary>B.</summary>
    public required int BatchSize { get; init; }

    /// <summary>N.</summary>
    public required int RolloutSteps { get; init; }

    /// <summary>Whether there is a negative branch, and methods are ordered by their gradients with it detached.</summary>
    public required bool OrderedByDetached { get; init; }

    /// <summary>What the memory figures count.</summary>
    public required PeakMemoryKind PeakMemoryOf { get; init; }

    /// <summary>Seconds that the whole took.</summary>
    public required double Seconds { get; init; }

    /// <summary>The methods, the most faithful first.</summary>
    public required IReadOnlyList<MethodDiagnosis> Methods { get; init; }
}
