// The plans of a batch. In the reference one draw serves the whole batch; a draw per sample costs the same and varies
// less. Both are a list with a plan per sample here, so that nothing downstream needs to ask which it is.

using FlowBP.RandomStreams;

namespace FlowBP.Surrogates;

/// <summary>One <see cref="SurrogatePlan"/> per sample of a batch.</summary>
public sealed class BatchPlan
{
    private BatchPlan(IReadOnlyList<SurrogatePlan> samples)
    {
        if (samples.Count == 0)
        {
            throw new ArgumentException("a batch needs at least one plan", nameof(samples));
        }
        foreach (var plan in samples)
        {
            if (plan.Steps != samples[0].Steps)
            {
                throw new ArgumentException(
                    $"the plans of a batch share one schedule, but have {samples[0].Steps} and {plan.Steps} steps",
                    nameof(samples)
                );
            }
            if (plan.RewardInput.Rows != samples[0].RewardInput.Rows)
            {
                throw new ArgumentException("the plans of a batch need the same number of copies", nameof(samples));
            }
        }
        Samples = samples;
    }

    /// <summary>The plan of each sample.</summary>
    public IReadOnlyList<SurrogatePlan> Samples { get; }

    /// <summary>B.</summary>
    public int Batch => Samples.Count;

    /// <summary>Whether one draw serves the whole batch.</summary>
    public bool IsShared => Samples.All(plan => ReferenceEquals(plan, Samples[0]));

    /// <summary>N of the schedule.</summary>
    public int Steps => Samples[0].Steps;

    /// <summary>n, the re-noised copies per sample.</summary>
    public int RenoisedCopies => Samples[0].RewardInput.Rows - 1;

    /// <summary>One plan for the whole batch.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="batch">B, at least 1.</param>
    public static BatchPlan Shared(SurrogatePlan plan, int batch) => new([.. Enumerable.Repeat(plan, batch)]);

    /// <summary>A plan per sample.</summary>
    /// <param name="plans">The plans, for the same schedule and the same number of copies.</param>
    /// <exception cref="ArgumentException">The plans don't go together.</exception>
    public static BatchPlan PerSample(IEnumerable<SurrogatePlan> plans) => new([.. plans]);

    /// <summary>Draws the plans of a batch.</summary>
    /// <param name="planner">The method.</param>
    /// <param name="schedule">The rollout's schedule.</param>
    /// <param name="batch">B, at least 1.</param>
    /// <param name="scope">One draw for the batch, or one per sample.</param>
    /// <param name="streamOf">
    /// The random stream of a sample, by its index in this batch; sample 0's serves the batch under
    /// <see cref="DrawScope.PerBatch"/>. Over several ranks, let it add the rank's offset (or not, to share the draw).
    /// </param>
    public static BatchPlan Draw(
        ISurrogatePlanner planner,
        NoiseSchedule schedule,
        int batch,
        DrawScope scope,
        Func<int, RandomStream> streamOf
    ) =>
        scope == DrawScope.PerBatch
            ? Shared(planner.Draw(schedule, streamOf(0)), batch)
            : PerSample(Enumerable.Range(0, batch).Select(b => planner.Draw(schedule, streamOf(b))));
}

/// <summary>How many draws of indices a batch gets.</summary>
public enum DrawScope
{
    /// <summary>One for the whole batch, as in the reference.</summary>
    PerBatch,

    /// <summary>One per sample: the same cost, a lower variance.</summary>
    PerSample,
}
