// After: the same network, aligned with a reward. What FlowBP needs of the trainer is the line that makes the module a velocity
// field, and a class that scores; the optimizer is TorchSharp's own and finds the gradients where it always does.
// Shape legend: B batch, R rows, 2 coordinates of a point.

using FlowBP.Kernels;
using FlowBP.RandomStreams;
using FlowBP.Surrogates;

namespace FlowBP.Examples.FlowMatching;

/// <summary>The trainer with reward backpropagation.</summary>
internal static class After
{
    private const int Batch = 128;
    private static readonly NoiseSchedule Schedule = NoiseSchedule.FlowMatchEuler(20, shift: 1);

    /// <summary>Mean reward of samples before and after.</summary>
    public static (double Before, double After) Align(VelocityNetwork network, int steps)
    {
        var field = VelocityField.Of(
            network,
            (net, x_B2, sigma_B, _) => net.call(x_B2.to(ScalarType.Float32), sigma_B)
        );
        var executor = new SurrogateExecutor(field, Schedule, new CpuLatentKernels());
        var planner = new SparsePlanner(new());
        var reward = new CloseToTheRight();
        var hinge = new HingeLoss(Threshold: 1);
        using var optimizer = torch.optim.AdamW(network.parameters(), lr: 1e-3);
        using var nothing = new Conditioning("nothing", torch.zeros(Batch, 1));
        var before = MeanReward(executor, nothing, reward);
        for (var step = 0; step < steps; step++)
        {
            using var scope = torch.NewDisposeScope();
            var batch = Samples(
                planner.Draw(Schedule, RandomStream.For(2, step, 0, RandomPurpose.Indices)),
                step,
                nothing
            );
            using var rollout = executor.Rollout(batch);
            var weights = executor.Weigh(batch, rollout);
            using var gradient = executor.RewardGradient(batch, rollout, weights, reward, hinge);
            optimizer.zero_grad();
            executor.AccumulateGradients(batch, rollout, gradient);
            optimizer.step();
        }
        return (before, MeanReward(executor, nothing, reward));
    }

    private static SurrogateBatch Samples(SurrogatePlan plan, int step, Conditioning nothing) =>
        new()
        {
            Plan = BatchPlan.Shared(plan, Batch),
            Noise_B = Before.Normal(1_000_000 + step, Batch, 2),
            Conditioning = nothing,
            RewardConditioning = nothing,
        };

    // Of noise that training does not see.
    private static double MeanReward(SurrogateExecutor executor, Conditioning nothing, CloseToTheRight reward)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var batch = Samples(new FullPlanner().FromIndices(Schedule), 1_000_000, nothing);
        using var rollout = executor.Rollout(batch);
        var end_B2 = rollout.X_TB.select(0, Schedule.Steps).to(ScalarType.Float32);
        return reward.Score(end_B2, nothing).mean().ToDouble();
    }

    /// <summary>1 at the ring's rightmost point, less with the distance from it.</summary>
    private sealed class CloseToTheRight : IReward
    {
        public Tensor Score(Tensor latents_R2, Conditioning conditioning)
        {
            using var scope = torch.NewDisposeScope();
            var offset_R2 = latents_R2 - torch.tensor(new[] { (float)Before.Radius, 0f });
            return ((offset_R2 * offset_R2).sum(1) * -0.125).exp().MoveToOuterDisposeScope();
        }
    }
}
