// The measuring: for each draw of prompts and noise the reference's gradient once, then each method's over its draws of indices.
// Nothing is kept but sums, so memory depends on neither the number of draws nor that of methods.

using FlowBP.Surrogates;

namespace FlowBP.Training.Diagnosis;

/// <summary>Compares methods' gradients with full backpropagation's.</summary>
/// <param name="subject">The field, the reward and their inputs.</param>
/// <param name="planners">The methods by name.</param>
/// <param name="size">How much is measured.</param>
internal sealed class FidelityMeasure(
    DiagnosisSubject subject,
    IReadOnlyList<(string Name, ISurrogatePlanner Planner)> planners,
    DiagnosisSize size
)
{
    // Draws on which a gradient is timed as well.
    private const int TimedDraws = 2;

    private readonly BatchPlan full = BatchPlan.Shared(new FullPlanner().FromIndices(subject.Schedule), size.BatchSize);

    private IEnumerable<Branch> Branches =>
        subject.Detached is null ? [Branch.Attached]
        : subject.OrdersByDetached ? [Branch.Detached, Branch.Attached]
        : [Branch.Attached, Branch.Detached];

    /// <summary>Measures.</summary>
    /// <param name="report">Hears of the draw and the method that are being measured.</param>
    /// <param name="cancellation">Stops between two gradients.</param>
    /// <returns>The methods, the most faithful first; equal ones in the order in which they were given.</returns>
    /// <exception cref="ConfigurationException">The reference's gradient is zero.</exception>
    public IReadOnlyList<MethodDiagnosis> Run(Action<int, string>? report, CancellationToken cancellation)
    {
        MethodRecord[] records =
        [
            .. planners.Select(method => new MethodRecord(method.Name, method.Planner, Branches)),
        ];
        for (var draw = 0; draw < size.Draws; draw++)
        {
            using var probe = new DrawProbe(subject, size, draw);
            if (draw < TimedDraws)
            {
                Time(probe, records, isFirst: draw == 0, cancellation);
            }
            using var reference = probe.Gradient(subject.Attached, full, index: 0);
            if (reference.Gradient.SquaredNorm() == 0)
            {
                throw new ConfigurationException(
                    $"hinge_lambda: no sample of draw {draw} pulls, so there is no gradient to compare with; give none, or a"
                        + " larger one"
                );
            }
            foreach (var record in records)
            {
                report?.Invoke(draw, record.Name);
                Measure(probe, record, reference, cancellation);
            }
        }
        return
        [
            .. records
                .Select(record => record.Diagnosis(subject.Schedule, size))
                .OrderByDescending(method => method.Leading.Cosine?.Value ?? double.NegativeInfinity),
        ];
    }

    private void Time(DrawProbe probe, MethodRecord[] records, bool isFirst, CancellationToken cancellation)
    {
        if (isFirst)
        {
            // The first gradient of a process also pays for what the others find done.
            probe.Cost(subject.Attached, probe.Plan(records[0].Planner, DrawScope.PerSample, 0));
        }
        foreach (var record in records)
        {
            var plan = probe.Plan(record.Planner, DrawScope.PerSample, 0);
            foreach (var branch in record.Branches)
            {
                cancellation.ThrowIfCancellationRequested();
                branch.Costs.Add(probe.Cost(FieldOf(branch), plan));
            }
        }
    }

    private void Measure(
        DrawProbe probe,
        MethodRecord record,
        MeasuredGradient reference,
        CancellationToken cancellation
    )
    {
        var perSample = Plans(DrawScope.PerSample);
        foreach (var branch in record.Branches)
        {
            var isLeading = branch == record.Branches[0];
            branch.PerSample.Add(Figures(branch, perSample, isLeading ? record.Add : null));
            if (isLeading)
            {
                branch.PerBatch.Add(Figures(branch, Plans(DrawScope.PerBatch), null));
            }
        }

        BatchPlan[] Plans(DrawScope scope) =>
            [.. Enumerable.Range(0, size.IndexDraws).Select(index => probe.Plan(record.Planner, scope, index))];

        DrawFigures Figures(BranchRecord branch, BatchPlan[] plans, Action<BatchPlan, SurrogateReport>? hear)
        {
            var moments = new GradientMoments(reference.Gradient);
            MeasuredGradient? first = null;
            try
            {
                for (var index = 0; index < plans.Length; index++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var plan = plans[index];
                    var gradient =
                        first is not null && plan.IsThatOf(plans[0]) ? first
                        : branch.Field == Branch.Attached && plan.IsThatOf(full) ? reference
                        : probe.Gradient(FieldOf(branch), plan, index);
                    first ??= gradient;
                    moments.Add(gradient.Gradient);
                    hear?.Invoke(plan, gradient.Report);
                    if (gradient != first && gradient != reference)
                    {
                        gradient.Dispose();
                    }
                }
                return moments.Figures();
            }
            finally
            {
                if (first != reference)
                {
                    first?.Dispose();
                }
            }
        }
    }

    private IVelocityField FieldOf(BranchRecord branch) =>
        branch.Field == Branch.Detached ? subject.Detached! : subject.Attached;
}
