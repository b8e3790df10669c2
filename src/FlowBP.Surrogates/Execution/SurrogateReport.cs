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

    /// <summary>
    /// The report of an update that was computed in parts: losses, each a share of the update's, are added, and everything else is
    /// averaged over the samples.
    /// </summary>
    /// <param name="parts">A report and a number of samples for each part, at least one part.</param>
    public static SurrogateReport Joined(IReadOnlyList<(SurrogateReport Report, int Samples)> parts)
    {
        if (parts is [var only])
        {
            return only.Report;
        }
        var reports = parts.Select(part => part.Report).ToArray();
        return new()
        {
            Loss = reports.Sum(report => report.Loss),
            Reward = Mean(parts, report => report.Reward),
            SampleWeight = Mean(parts, report => report.SampleWeight),
            ActiveFraction = Mean(parts, report => report.ActiveFraction),
            KeptFraction = Mean(parts, report => report.KeptFraction),
            SplitDeviation = MeanOrNull(parts, report => report.SplitDeviation),
            EndDeviation = MeanOrNull(parts, report => report.EndDeviation),
            ReconstructionError = reports.Max(report => report.ReconstructionError),
            Coverage = Mean(parts, report => report.Coverage),
            NestedDepth = reports.Max(report => report.NestedDepth),
            NegativeWeightFraction = Mean(parts, report => report.NegativeWeightFraction),
            Rescale = reports[0]
                .Rescale.Keys.ToDictionary(name => name, name => Mean(parts, each => each.Rescale[name])),
            Indices = [.. reports.SelectMany(report => report.Indices)],
            RolloutEvaluations = Sum(reports, report => report.RolloutEvaluations),
            RenoiseEvaluations = Sum(reports, report => report.RenoiseEvaluations),
            Pullbacks = Sum(reports, report => report.Pullbacks),
            AnchorLoss = reports.Any(report => report.AnchorLoss is not null)
                ? reports.Sum(report => report.AnchorLoss)
                : null,
            VelocityNormRatio = MeanOrNull(parts, report => report.VelocityNormRatio),
            VelocitySquaredDifference = MeanOrNull(parts, report => report.VelocitySquaredDifference),
            ReferenceEvaluations = Sum(reports, report => report.ReferenceEvaluations),
        };
    }

    private static double Mean(
        IReadOnlyList<(SurrogateReport Report, int Samples)> parts,
        Func<SurrogateReport, double> of
    ) => parts.Sum(part => part.Samples * of(part.Report)) / parts.Sum(part => part.Samples);

    // Over the parts that have it.
    private static double? MeanOrNull(
        IReadOnlyList<(SurrogateReport Report, int Samples)> parts,
        Func<SurrogateReport, double?> of
    )
    {
        var having = parts.Where(part => of(part.Report) is not null).ToArray();
        return having.Length == 0 ? null : Mean(having, report => of(report)!.Value);
    }

    private static Evaluations Sum(IEnumerable<SurrogateReport> parts, Func<SurrogateReport, Evaluations> of) =>
        new(parts.Sum(part => of(part).Calls), parts.Sum(part => of(part).Samples));
}
