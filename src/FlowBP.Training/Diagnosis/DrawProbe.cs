// Gradients on the prompts and noise of one draw. States and velocities of a rollout depend on no plan, so one rollout serves
// every method, every draw of indices and both treatments of the negative branch; what is measured of a method is then its own.
// Shape legend: B batch, N re-noised copies.

using System.Diagnostics;
using FlowBP.RandomStreams;
using FlowBP.Surrogates;

namespace FlowBP.Training.Diagnosis;

/// <summary>A gradient and what the executor says of it.</summary>
/// <param name="Gradient">The gradient; owned.</param>
/// <param name="Report">The report.</param>
internal sealed record MeasuredGradient(FlatGradient Gradient, SurrogateReport Report) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Gradient.Dispose();
}

/// <summary>What one gradient took, its rollout included.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="PeakBytes">High-water mark of memory; null: nobody tells.</param>
internal readonly record struct GradientCost(double Seconds, long? PeakBytes);

/// <summary>The batch of one draw, and gradients on it.</summary>
internal sealed class DrawProbe : IDisposable
{
    private readonly DiagnosisSubject subject;
    private readonly DiagnosisSize size;
    private readonly int draw;

    // Of all that is made while this exists and belongs to nobody else.
    private readonly DisposeScope scope = torch.NewDisposeScope();
    private readonly Tensor noise_B;
    private readonly Conditioning conditioning;
    private readonly Conditioning rewardConditioning;
    private RolloutCache? rollout;

    /// <summary>Makes the inputs; nothing is evaluated yet.</summary>
    /// <param name="subject">What is diagnosed.</param>
    /// <param name="size">B and R.</param>
    /// <param name="draw">Index of the draw.</param>
    public DrawProbe(DiagnosisSubject subject, DiagnosisSize size, int draw)
    {
        this.subject = subject;
        this.size = size;
        this.draw = draw;
        (conditioning, rewardConditioning) = subject.Conditions(draw);
        noise_B = Noise.Of(subject.LatentShape, size.BatchSize, subject.Seed, draw).to(subject.Compute.Device);
    }

    /// <summary>The plans of an index draw, the same random numbers for every method.</summary>
    /// <param name="planner">The method.</param>
    /// <param name="scope">One for the batch, or one per sample.</param>
    /// <param name="index">Which index draw.</param>
    public BatchPlan Plan(ISurrogatePlanner planner, DrawScope scope, int index) =>
        BatchPlan.Draw(
            planner,
            subject.Schedule,
            size.BatchSize,
            scope,
            b => RandomStream.For(subject.Seed, Address(index), b, RandomPurpose.Indices)
        );

    /// <summary>A gradient on the shared rollout.</summary>
    /// <param name="field">The field that is pulled back.</param>
    /// <param name="plan">The plans.</param>
    /// <param name="index">Which index draw; copies are re-noised anew in each.</param>
    public MeasuredGradient Gradient(IVelocityField field, BatchPlan plan, int index)
    {
        rollout ??= Rollout();
        using var ofGradient = torch.NewDisposeScope();
        FlatGradient.Drop(subject.Parameters);
        var report = Accumulate(Executor(field), Batch(plan, index), rollout);
        return new(FlatGradient.Take(subject.Parameters), report);
    }

    /// <summary>What a gradient takes where nothing is shared, as in training. The gradient is dropped.</summary>
    /// <param name="field">The field.</param>
    /// <param name="plan">The plans.</param>
    public GradientCost Cost(IVelocityField field, BatchPlan plan)
    {
        using var ofGradient = torch.NewDisposeScope();
        FlatGradient.Drop(subject.Parameters);
        var batch = Batch(plan, index: 0);
        var executor = Executor(field);
        subject.Compute.PeakMemory.Reset();
        var start = Stopwatch.GetTimestamp();
        using (var own = executor.Rollout(batch))
        {
            Accumulate(executor, batch, own);
        }
        subject.Compute.Synchronize();
        var cost = new GradientCost(Stopwatch.GetElapsedTime(start).TotalSeconds, subject.Compute.PeakMemory.Bytes);
        FlatGradient.Drop(subject.Parameters);
        return cost;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        rollout?.Dispose();
        conditioning.Dispose();
        rewardConditioning.Dispose();
        scope.Dispose();
    }

    private RolloutCache Rollout()
    {
        var all = BatchPlan.Shared(new FullPlanner().FromIndices(subject.Schedule), size.BatchSize);
        return Executor(subject.Attached).Rollout(Batch(all, index: 0));
    }

    private SurrogateReport Accumulate(SurrogateExecutor executor, SurrogateBatch batch, RolloutCache states)
    {
        var weights = executor.Weigh(batch, states);
        using var gradient = executor.RewardGradient(batch, states, weights, subject.Reward, subject.Hinge);
        var products = executor.AccumulateGradients(batch, states, gradient);
        return SurrogateReport.Of(subject.Schedule, batch.Plan, states, weights, gradient, products);
    }

    private SurrogateExecutor Executor(IVelocityField field) =>
        new(field, subject.Schedule, subject.Compute.Kernels, subject.Executor);

    private SurrogateBatch Batch(BatchPlan plan, int index) =>
        new()
        {
            Plan = plan,
            Noise_B = noise_B,
            Conditioning = conditioning,
            RewardConditioning = rewardConditioning,
            Renoise_NB = plan.RenoisedCopies == 0 ? null : Renoise(plan.RenoisedCopies, index),
        };

    private Tensor Renoise(int copies, int index) =>
        Noise
            .Copies(
                subject.LatentShape,
                copies,
                size.BatchSize,
                size.BatchSize,
                subject.Seed,
                Address(index),
                firstSample: 0,
                RandomPurpose.Renoise
            )
            .to(subject.Compute.Device);

    // Every draw of indices has streams of its own.
    private long Address(int index) => (long)draw * size.IndexDraws + index;
}
