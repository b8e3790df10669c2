// A gradient that was taken need not be taken again: the plans decide it, on the same prompts and noise.

using FlowBP.Surrogates;

namespace FlowBP.Training.Diagnosis;

/// <summary>Whether plans are the same in everything that their gradient depends on.</summary>
internal static class PlanIdentity
{
    /// <summary>Compares the plans of two batches. Those that re-noise are never the same: their noise is drawn as well.</summary>
    public static bool IsThatOf(this BatchPlan plan, BatchPlan other) =>
        plan.RenoisedCopies == 0
        && plan.Batch == other.Batch
        && plan.Samples.Zip(other.Samples).All(pair => IsSame(pair.First, pair.Second));

    private static bool IsSame(SurrogatePlan plan, SurrogatePlan other) =>
        ReferenceEquals(plan, other)
        || (
            plan.Steps == other.Steps
            && plan.RewardInput == other.RewardInput
            && plan.SimilarityFloor == other.SimilarityFloor
            && plan.Filter == other.Filter
            && plan.ActiveSteps.SequenceEqual(other.ActiveSteps)
            && plan.Leaps.Count == other.Leaps.Count
            && plan.Leaps.Zip(other.Leaps).All(pair => IsSame(pair.First, pair.Second))
        );

    private static bool IsSame(Leap leap, Leap other) =>
        (leap.Start, leap.Target) == (other.Start, other.Target)
        && leap.Supports.SequenceEqual(other.Supports)
        && leap.PredictionWeights.SequenceEqual(other.PredictionWeights);
}
