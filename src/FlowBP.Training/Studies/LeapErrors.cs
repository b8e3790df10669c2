// How far the leaps of a method miss the end, by their length: the right side of the paper's Figure 4. States and velocities are those
// of one rollout of the base model.

using FlowBP.Surrogates;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Studies;

/// <summary>Measures errors of leaps.</summary>
internal static class LeapErrors
{
    private const int MostPrompts = 32;

    /// <summary>The errors of all leaps to the end, of all arms whose methods leap; of arms with the same leaps, of the first.</summary>
    /// <param name="plan">The study.</param>
    /// <param name="model">The base model.</param>
    /// <param name="reward">The training reward, which a batch is encoded for.</param>
    /// <param name="prompts">Prompts to roll out, of which the first few are taken.</param>
    public static IReadOnlyList<LeapError> Measure(
        StudyPlan plan,
        TextToImage model,
        IImageReward reward,
        IReadOnlyList<string> prompts
    )
    {
        var config = plan.Base;
        var schedule = model.Schedule(config.RolloutSteps);
        string[] texts = [.. prompts.Take(MostPrompts)];
        using var scope = torch.NewDisposeScope();
        using var conditioning = model.Painter.Encode(texts);
        using var rewardConditioning = reward.Encode(texts);
        var noise_B = Noise.Of(model.LatentShape, texts.Length, (ulong)plan.Measure.NoiseSeeds[0], step: 0);
        var executor = new SurrogateExecutor(
            model.Field,
            schedule,
            model.Compute.Kernels,
            config.Executor with
            {
                RolloutKernels = model.Compute.RolloutKernels,
                Reuse = RolloutReuse.Off,
            }
        );
        var full = Batch(new FullPlanner().FromIndices(schedule));
        using var rollout = executor.Rollout(full);
        List<LeapError> errors = [];
        List<double[]> measured = [];
        foreach (var arm in plan.Definition.Arms)
        {
            if (Leaping(plan.Config(arm, 0).Planner) is not { } leap)
            {
                continue;
            }
            double[] ofArm =
            [
                .. Enumerable
                    .Range(1, schedule.Steps - 1)
                    .Select(length => schedule.Steps - length)
                    .Select(j => executor.Weigh(Batch(leap(schedule, j - 1, j)), rollout))
                    // A leap of so few steps may be a replay, which has an error of another name.
                    .Select(weights => (weights.EndDeviation ?? weights.ReconstructionError!).Average()),
            ];
            // Arms that differ in their gradients alone have the same leaps.
            if (!measured.Any(ofArm.SequenceEqual))
            {
                measured.Add(ofArm);
                errors.AddRange(ofArm.Select((error, i) => new LeapError(arm.Name, i + 1, error)));
            }
        }
        return errors;

        SurrogateBatch Batch(SurrogatePlan drawn) =>
            new()
            {
                Plan = BatchPlan.Shared(drawn, texts.Length),
                Noise_B = noise_B.to(model.Compute.Device),
                Conditioning = conditioning,
                RewardConditioning = rewardConditioning,
            };
    }

    // The plan of a leap to k + 1 and one to the end; null: the method has none.
    private static Func<NoiseSchedule, int, int, SurrogatePlan>? Leaping(ISurrogatePlanner planner) =>
        planner switch
        {
            LagrangePlanner lagrange => lagrange.FromIndices,
            LeapAlignPlanner leap => leap.FromIndices,
            _ => null,
        };
}
