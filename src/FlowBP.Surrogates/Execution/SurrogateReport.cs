// What one gradient has to say for itself: the numbers of metrics.jsonl that are the method's own.

namespace FlowBP.Surrogates;

/// <summary>The metrics of one surrogate gradient, averaged over the samples of this process.</summary>
public sealed record SurrogateReport
{
    /// <summary>This process's part of the loss.</summary>
    public required double Loss { get; init; }

    /// <summary>Mean score of the images that weren't re-noised.</summary>
    public required double Reward { get; init; }

    /// <summary>Mean w_b.</summary>
    public required double SampleWeight { get; init; }

    /// <summary>Share of the rows below the hinge and past the filter: those that carry a gradient.</summary>
    public required double ActiveFraction { get; init; }

    /// <summary>Share of the samples that the trajectory filter keeps.</summary>
    public required double KeptFraction { get; init; }

    /// <summary>Mean δ_j; null where no leap ends at a split.</summary>
    public required double? SplitDeviation { get; init; }

    /// <summary>Mean δ_N; null where no leap ends at the end.</summary>
    public required double? EndDeviation { get; init; }

    /// <summary>Largest <c>mean|x̂_N − x_N|</c> of Euler replays; null for other plans.</summary>
    public required double? ReconstructionError { get; init; }

    /// <summary>Mean coverage, <c>Σ_A |h_i| / Σ |h_i|</c>.</summary>
    public required double Coverage { get; init; }

    /// <summary>Largest number of Jacobian factors on a path.</summary>
    public required int NestedDepth { get; init; }

    /// <summary>Mean share of leaps with a weight of the wrong sign.</summary>
    public required double NegativeWeightFraction { get; init; }

    /// <summary>Mean factors γ, by name.</summary>
    public required IReadOnlyDictionary<string, double> Rescale { get; init; }

    /// <summary>The indices of each plan: one entry if the draw is shared, B otherwise.</summary>
    public required IReadOnlyList<IReadOnlyDictionary<string, IReadOnlyList<int>>> Indices { get; init; }

    /// <summary>Network evaluations of the rollout.</summary>
    public required Evaluations RolloutEvaluations { get; init; }

    /// <summary>Network evaluations of re-noised copies.</summary>
    public required Evaluations RenoiseEvaluations { get; init; }

    /// <summary>Re-forwards with a pullback.</summary>
    public required Evaluations Pullbacks { get; init; }

    /// <summary>This process's part of the anchor's loss, which is no part of <see cref="Loss"/>; null: there is no reference.</summary>
    public double? AnchorLoss { get; init; }

    /// <summary>
    /// Mean ‖v‖/‖v_ref‖ over the active steps of all samples: an alarm that needs no judge. Null: there is no reference.
    /// </summary>
    public double? VelocityNormRatio { get; init; }

    /// <summary>Mean of (v − v_ref)² over the elements and the active steps of all samples, as the norm an alarm; null: as there.</summary>
    public double? VelocitySquaredDifference { get; init; }

    /// <summary>Network evaluations of the reference.</summary>
    public Evaluations ReferenceEvaluations { get; init; }

    /// <summary>The flow-matching loss with its weight, which is no part of <see cref="Loss"/>; null: it is off.</summary>
    public double? FlowMatchingLoss { get; init; }

    /// <summary>Network evaluations of the flow-matching loss; as many pullbacks.</summary>
    public Evaluations FlowMatchingEvaluations { get; init; }

    /// <summary>Gathers the report from what the phases returned.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="plan">The plans.</param>
    /// <param name="rollout">The rollout.</param>
    /// <param name="weights">Its weights.</param>
    /// <param name="gradient">The reward's gradient.</param>
    /// <param name="pullbacks">What the pullbacks cost.</param>
    /// <param name="anchor">The comparison with a reference; null: there is none.</param>
    public static SurrogateReport Of(
        NoiseSchedule schedule,
        BatchPlan plan,
        RolloutCache rollout,
        TrajectoryWeights weights,
        RewardGradient gradient,
        Evaluations pullbacks,
        AnchorGradient? anchor = null
    ) =>
        new()
        {
            Loss = gradient.Loss,
            Reward = gradient.MeanScore(plan.Batch),
            SampleWeight = weights.Weights.Average(),
            ActiveFraction = gradient.SquaredNorms.Count(norm => norm > 0) / (double)gradient.SquaredNorms.Length,
            KeptFraction = weights.Kept / (double)plan.Batch,
            SplitDeviation = weights.SplitDeviation?.Average(),
            EndDeviation = weights.EndDeviation?.Average(),
            ReconstructionError = weights.ReconstructionError?.Max(),
            Coverage = plan.Samples.Average(sample => sample.Coverage(schedule)),
            NestedDepth = plan.Samples.Max(sample => sample.NestedDepth),
            NegativeWeightFraction = plan.Samples.Average(sample => sample.NegativeWeightFraction),
            Rescale = plan.Samples[0]
                .Rescale.Keys.ToDictionary(name => name, name => plan.Samples.Average(sample => sample.Rescale[name])),
            Indices = [.. (plan.IsShared ? plan.Samples.Take(1) : plan.Samples).Select(sample => sample.Indices)],
            RolloutEvaluations = rollout.Evaluations,
            RenoiseEvaluations = gradient.Evaluations,
            Pullbacks = pullbacks,
            AnchorLoss = anchor?.Loss,
            VelocityNormRatio = anchor?.NormRatios.Average(),
            VelocitySquaredDifference = anchor?.SquaredDifferences.Average(),
            ReferenceEvaluations = anchor?.Evaluations ?? default,
        };

    /// <summary>The report of an update that was accumulated over several batches of one size.</summary>
    /// <param name="parts">A report per batch, at least one.</param>
    public static SurrogateReport Mean(IReadOnlyList<SurrogateReport> parts) =>
        parts is [var only]
            ? only
            : new()
            {
                Loss = parts.Average(part => part.Loss),
                Reward = parts.Average(part => part.Reward),
                SampleWeight = parts.Average(part => part.SampleWeight),
                ActiveFraction = parts.Average(part => part.ActiveFraction),
                KeptFraction = parts.Average(part => part.KeptFraction),
                SplitDeviation = parts.Average(part => part.SplitDeviation),
                EndDeviation = parts.Average(part => part.EndDeviation),
                ReconstructionError = parts.Max(part => part.ReconstructionError),
                Coverage = parts.Average(part => part.Coverage),
                NestedDepth = parts.Max(part => part.NestedDepth),
                NegativeWeightFraction = parts.Average(part => part.NegativeWeightFraction),
                Rescale = parts[0]
                    .Rescale.Keys.ToDictionary(name => name, name => parts.Average(part => part.Rescale[name])),
                Indices = [.. parts.SelectMany(part => part.Indices)],
                RolloutEvaluations = Sum(parts, part => part.RolloutEvaluations),
                RenoiseEvaluations = Sum(parts, part => part.RenoiseEvaluations),
                Pullbacks = Sum(parts, part => part.Pullbacks),
                AnchorLoss = parts.Average(part => part.AnchorLoss),
                VelocityNormRatio = parts.Average(part => part.VelocityNormRatio),
                VelocitySquaredDifference = parts.Average(part => part.VelocitySquaredDifference),
                ReferenceEvaluations = Sum(parts, part => part.ReferenceEvaluations),
            };

    private static Evaluations Sum(IEnumerable<SurrogateReport> parts, Func<SurrogateReport, Evaluations> of) =>
        new(parts.Sum(part => of(part).Calls), parts.Sum(part => of(part).Samples));
}
