// What has been measured of a method so far, and the figures that it comes to.

using FlowBP.Surrogates;

namespace FlowBP.Training.Diagnosis;

/// <summary>How the negative branch of guidance takes part in gradients.</summary>
internal enum Branch
{
    /// <summary>As a constant.</summary>
    Detached,

    /// <summary>Differentiated, or there is none.</summary>
    Attached,
}

/// <summary>What has been measured with one treatment of the negative branch.</summary>
/// <param name="field">Which.</param>
internal sealed class BranchRecord(Branch field)
{
    /// <summary>Which.</summary>
    public Branch Field { get; } = field;

    /// <summary>Per draw, a draw of indices per sample.</summary>
    public List<DrawFigures> PerSample { get; } = [];

    /// <summary>Per draw, one draw of indices for the batch; empty: not measured.</summary>
    public List<DrawFigures> PerBatch { get; } = [];

    /// <summary>What single gradients took.</summary>
    public List<GradientCost> Costs { get; } = [];

    /// <summary>The figures.</summary>
    public BranchFidelity Fidelity() =>
        new()
        {
            Cosine = Estimate.Mean([.. PerSample.Select(draw => draw.Cosine)]),
            CosineByDraw = [.. PerSample.Select(draw => double.IsNaN(draw.Cosine) ? null : (double?)draw.Cosine)],
            NormRatio = Estimate.Mean([.. PerSample.Select(draw => draw.NormRatio)]),
            // NaN where the squared norm, less the share of the variance, is not above zero.
            MeanCosine = Estimate.Mean([
                .. PerSample.Select(draw => draw.MeanDot / Math.Sqrt(draw.MeanSquared * draw.ReferenceSquared)),
            ]),
            VariancePerSample = RelativeVariance(PerSample),
            VariancePerBatch = PerBatch.Count == 0 ? null : RelativeVariance(PerBatch),
            ZeroGradients = PerSample.Sum(draw => draw.Zeros),
            Seconds = Costs.Average(cost => cost.Seconds),
            PeakMemoryBytes = Costs.Max(cost => cost.PeakBytes),
        };

    private static Estimate? RelativeVariance(List<DrawFigures> draws) =>
        Estimate.Of(
            draws.Count,
            chosen =>
            {
                var squared = Sum(draws, chosen, draw => draw.MeanSquared);
                return squared > 0 ? Sum(draws, chosen, draw => draw.Variance) / squared : double.NaN;
            }
        );

    private static double Sum(List<DrawFigures> draws, int[] chosen, Func<DrawFigures, double> of)
    {
        var sum = 0.0;
        foreach (var draw in chosen)
        {
            sum += of(draws[draw]);
        }
        return sum;
    }
}

/// <summary>What has been measured of a method.</summary>
/// <param name="name">Its name.</param>
/// <param name="planner">Draws its plans.</param>
/// <param name="branches">The treatments of the negative branch, the one that methods are ordered by first.</param>
internal sealed class MethodRecord(string name, ISurrogatePlanner planner, IEnumerable<Branch> branches)
{
    private readonly List<SurrogateReport> reports = [];
    private readonly List<SurrogatePlan> plans = [];

    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>Draws its plans.</summary>
    public ISurrogatePlanner Planner => planner;

    /// <summary>The treatments of the negative branch, the one that methods are ordered by first.</summary>
    public IReadOnlyList<BranchRecord> Branches { get; } = [.. branches.Select(branch => new BranchRecord(branch))];

    /// <summary>Adds what was drawn for a gradient, and what the executor says of it.</summary>
    public void Add(BatchPlan plan, SurrogateReport report)
    {
        plans.AddRange(plan.Samples);
        reports.Add(report);
    }

    /// <summary>The figures.</summary>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="size">How much was measured.</param>
    public MethodDiagnosis Diagnosis(NoiseSchedule schedule, DiagnosisSize size)
    {
        // A replay deviates from the rollout by rounding: that is no connector's deviation but the error of the reconstruction.
        var isReplay = reports.Any(report => report.ReconstructionError is not null);
        var active = new double[schedule.Steps];
        foreach (var plan in plans)
        {
            foreach (var step in plan.ActiveSteps.Where(step => step.Weight != 0).Select(step => step.Index).Distinct())
            {
                active[step] += 1.0 / plans.Count;
            }
        }
        var samples = (double)plans.Count;
        var fidelity = Branches.ToDictionary(branch => branch.Field, branch => branch.Fidelity());
        return new()
        {
            Method = name,
            Detached = fidelity.GetValueOrDefault(Branch.Detached),
            Attached = fidelity[Branch.Attached],
            IsOrderedByDetached = Branches[0].Field == Branch.Detached,
            SplitDeviation = isReplay ? null : ByDraw(report => report.SplitDeviation),
            EndDeviation = isReplay ? null : ByDraw(report => report.EndDeviation),
            ReconstructionError = reports.Max(report => report.ReconstructionError),
            Coverage = ByDraw(report => report.Coverage),
            ActiveShareByStep = active,
            NestedDepth = reports.Max(report => report.NestedDepth),
            // The rollout is shared here; alone it would end where the plan lets it.
            ForwardsPerSample =
                (plans.Sum(plan => plan.RolloutSteps) + reports.Sum(report => report.RenoiseEvaluations.Samples))
                / samples,
            ProductsPerSample = reports.Sum(report => report.Pullbacks.Samples) / samples,
        };

        Estimate? ByDraw(Func<SurrogateReport, double?> of) =>
            Estimate.Mean([.. reports.Chunk(size.IndexDraws).Select(draw => draw.Average(of) ?? double.NaN)]);
    }
}
