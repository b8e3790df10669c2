// Scores of a reward of one's own, and the noise that its input may have.

using FlowBP.Kernels;
using FlowBP.Surrogates;
using static FlowBP.Tests.Misfits.Given;
using static FlowBP.Tests.Misfits.Misfit;

namespace FlowBP.Tests.Misfits;

/// <summary>Calls of the executor with a reward.</summary>
internal static class RewardMisfits
{
    public static IEnumerable<Misfit> All() =>
        [
            Scored("one score for all", x => x.mean(), "scores", "[]", "[2]"),
            Scored("scores in a column", x => x.flatten(1).mean([1], keepdim: true), "scores", "[2, 1]", "[2]"),
            Scored("a score per element", x => x, "scores", "[2, 3, 2, 2]", "[2]"),
            Scored("scores without gradients", x => x.detach().flatten(1).mean([1]), "scores", "gradient"),
            Scored("disposed scores", _ => Disposed(), "scores", "disposed"),
            Scored("no scores", _ => null!, "scores"),
            Scored("scores on meta", _ => Meta(2), "scores", "meta"),
            Scored("scores of the end", x => x.flatten(1).mean([1])),
            Renoised("nothing", null, "noise"),
            Renoised(
                "one noise for all samples",
                () => torch.ones([2, 1, 3, 2, 2]),
                "noise",
                "[1, 3, 2, 2]",
                "[2, 3, 2, 2]"
            ),
            Renoised("noise of another shape", () => torch.ones(2, Batch, 12), "noise", "[2, 12]", "[2, 3, 2, 2]"),
            Renoised("noise per sample", () => torch.ones([2, Batch, 3, 2, 2])),
        ];

    private static Misfit Scored(string what, Func<Tensor, Tensor> score, params string[] said) =>
        Of($"reward of {what}", () => Score(new FullPlanner().FromIndices(Schedule), null, score), said);

    private static Misfit Renoised(string what, Func<Tensor>? noise, params string[] said) =>
        Of(
            $"re-noising with {what}",
            () =>
                Score(
                    new DRaFTLVPlanner(new(NoisedSamples: 2)).FromIndices(Schedule, Schedule.Steps - 1),
                    noise?.Invoke(),
                    x => x.flatten(1).mean([1])
                ),
            said
        );

    private static void Score(SurrogatePlan plan, Tensor? renoise, Func<Tensor, Tensor> score)
    {
        var executor = new SurrogateExecutor(
            Field((x, w) => x * w),
            Schedule,
            new CpuLatentKernels(),
            new() { Storage = ScalarType.Float32 }
        );
        var batch = new SurrogateBatch
        {
            Plan = BatchPlan.Shared(plan, Batch),
            Renoise_NB = renoise,
            Noise_B = Latents(),
            Conditioning = Condition(),
            RewardConditioning = Condition(),
        };
        using var rollout = executor.Rollout(batch);
        var weights = executor.Weigh(batch, rollout);
        executor.RewardGradient(batch, rollout, weights, new Reward(score), new HingeLoss(Threshold: 100)).Dispose();
    }

    private sealed class Reward(Func<Tensor, Tensor> score) : IReward
    {
        public Tensor Score(Tensor latents_R, Conditioning conditioning) => score(latents_R);
    }
}
