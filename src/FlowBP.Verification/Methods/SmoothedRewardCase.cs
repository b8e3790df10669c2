// A recorded smoothed reward: an image, the perturbations of its copies, and three gradients at the image. The executor has two of
// them; that of the mean score itself is a hinge that no image is past, by −1/B.
// Shape legend: B batch, … the dimensions of one latent.

using System.Text.Json;
using FlowBP.Surrogates;

namespace FlowBP.Verification.Methods;

/// <summary>A case of kind smoothed_reward.</summary>
internal sealed class SmoothedRewardCase(JsonElement description, IReadOnlyDictionary<string, Tensor> tensors)
    : IRegulariserCase
{
    private readonly JsonElement hyper = description.GetProperty("hyper");
    private readonly Tensor x_B = tensors["x"];

    private int Batch => (int)x_B.size(0);

    private RewardSmoothing Smoothing =>
        new(
            hyper.GetProperty("copies").GetInt32(),
            hyper.GetProperty("std").GetDouble(),
            hyper.GetProperty("include_clean").GetBoolean()
        );

    public void Run(Comparison comparison, ILatentKernels kernels)
    {
        var hinge = new HingeLoss(hyper.GetProperty("hinge_lambda").GetDouble());
        var weights = Comparison.Values(tensors["sample_weights"]);
        foreach (
            var (loss, name, active) in new[]
            {
                (SmoothedLoss.HingeOfMean, "hinge_of_mean", "active_of_mean"),
                (SmoothedLoss.MeanOfHinges, "mean_of_hinges", ""),
            }
        )
        {
            using var gradient = Gradient(kernels, hinge, weights, Smoothing with { Loss = loss });
            comparison.Tensors($"grad_x_{name}", gradient.Gradient_R, tensors[$"grad_x_{name}"]);
            comparison.Numbers($"loss_{name}", [gradient.Loss], Comparison.Values(tensors[$"loss_{name}"]));
            comparison.Numbers("reward_mean", gradient.Scores, Comparison.Values(tensors["reward_mean"]));
            comparison.Numbers(
                "reward",
                [.. gradient.CopyScores.SelectMany(scores => scores)],
                Comparison.Values(tensors["reward"])
            );
            if (active.Length > 0)
            {
                comparison.Exactly(
                    active,
                    gradient.SquaredNorms.Select(norm => norm > 0 ? 1 : 0),
                    description.GetProperty(active).EnumerateArray().Select(each => each.GetBoolean() ? 1 : 0)
                );
            }
            else
            {
                comparison.Exactly(
                    "active_of_copies",
                    [gradient.CopyScores.Sum(scores => scores.Count(score => score < hinge.Threshold))],
                    [description.GetProperty("active_of_copies").GetInt32()]
                );
            }
            var above = gradient.CopyScores.Max(scores => scores.Max()) + 1;
            using var unhinged = Gradient(
                kernels,
                new(above),
                [.. Enumerable.Repeat(1.0, Batch)],
                Smoothing with
                {
                    Loss = loss,
                }
            );
            comparison.Tensors("grad_x_reward", unhinged.Gradient_R * -Batch, tensors["grad_x_reward"]);
            comparison.Numbers("loss_reward", [unhinged.Scores.Sum()], Comparison.Values(tensors["loss_reward"]));
        }
    }

    private RewardGradient Gradient(
        ILatentKernels kernels,
        HingeLoss hinge,
        double[] weights,
        RewardSmoothing smoothing
    )
    {
        // A rollout that ended at the recorded image.
        var schedule = NoiseSchedule.FlowMatchEuler(1);
        using var rollout = new RolloutCache(
            torch.stack([x_B, x_B]),
            torch.zeros_like(x_B).unsqueeze(0),
            [.. Enumerable.Repeat(1, Batch)],
            default
        );
        var conditioning = new Conditioning("none", torch.zeros([Batch, 1], x_B.dtype, x_B.device));
        var batch = new SurrogateBatch
        {
            Plan = BatchPlan.Shared(new SparsePlanner(new()).FromIndices(schedule, [0]), Batch),
            Noise_B = x_B,
            Conditioning = conditioning,
            RewardConditioning = conditioning,
            Smoothing_NR = tensors["noise"],
        };
        var executor = new SurrogateExecutor(
            new AutogradVelocityField((x, _, _) => x),
            schedule,
            kernels,
            new() { Storage = ScalarType.Float64 }
        );
        return executor.RewardGradient(
            batch,
            rollout,
            new() { Weights = weights, Keep = [.. Enumerable.Repeat(true, Batch)] },
            new TinyReward(tensors["reward.A"], hyper.GetProperty("reward_q").GetDouble()),
            hinge,
            smoothing: smoothing
        );
    }
}
