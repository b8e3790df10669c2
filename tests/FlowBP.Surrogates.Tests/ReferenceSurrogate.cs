// The surrogate as published implementations build it: one graph over all active steps, held until the reward has been
// differentiated. It is what the executor is checked against, and what its memory is compared with.
// Shape legend: T steps, B batch, … the dimensions of one latent.

namespace FlowBP.Surrogates.Tests;

/// <summary>
/// Differentiates the whole surrogate graph of a shared plan by autograd; memory grows with the number of active steps.
/// </summary>
/// <param name="forward">v_θ, differentiable; guided, where guidance is used.</param>
/// <param name="schedule">The rollout's schedule.</param>
internal sealed class ReferenceSurrogate(Func<Tensor, Tensor, Conditioning, Tensor> forward, NoiseSchedule schedule)
{
    /// <summary>
    /// Adds the gradient of the loss to the gradients of the parameters, and returns the loss. For plans without
    /// re-noised copies.
    /// </summary>
    /// <param name="batch">The inputs; one plan for all samples.</param>
    /// <param name="rollout">The cached rollout.</param>
    /// <param name="weights">Weights of the samples.</param>
    /// <param name="reward">The reward.</param>
    /// <param name="hinge">The loss.</param>
    public double Backward(
        SurrogateBatch batch,
        RolloutCache rollout,
        TrajectoryWeights weights,
        IReward reward,
        HingeLoss hinge
    )
    {
        if (!batch.Plan.IsShared || batch.Plan.RenoisedCopies > 0)
        {
            throw new ArgumentException("the reference takes one plan for the batch, without copies", nameof(batch));
        }
        using var scope = torch.NewDisposeScope();
        using var withGrad = torch.enable_grad();
        var plan = batch.Plan.Samples[0];
        var type = rollout.X_TB.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        // `path` is zero everywhere and carries the gradient: Σ w·(v − sg v) of the steps so far, noisy side first.
        Tensor? path = null;
        foreach (var step in plan.ActiveSteps.Reverse())
        {
            var x_B = rollout.X_TB.select(0, step.Index).detach();
            var input_B = path is null || step.Bridge == 0 ? x_B : x_B.to(type) + path * step.Bridge;
            var time_B = torch.full([rollout.Batch], schedule.NetworkTime(step.Index), type, x_B.device);
            var v_B = forward(input_B, time_B, batch.Conditioning).to(type);
            var term = (v_B - v_B.detach()) * step.Weight;
            path = path is null ? term : path + term;
        }
        var input = RewardInput(plan, rollout).to(type).detach();
        var score_B = reward.Score(path is null ? input : input + path, batch.RewardConditioning);
        double[] factor_B =
        [
            .. weights.Weights.Select((weight, b) => weights.Keep[b] ? hinge.Scale * weight / weights.Kept : 0),
        ];
        var raw_B = (hinge.Threshold - score_B).clamp(min: 0) * torch.tensor(factor_B, score_B.dtype, score_B.device);
        var loss = raw_B.sum();
        (loss / hinge.GradientDivisor).backward();
        return loss.to_type(ScalarType.Float64).item<double>();
    }

    private Tensor RewardInput(SurrogatePlan plan, RolloutCache rollout) =>
        plan.RewardInput is PosteriorMean mean
            ? rollout.X_TB.select(0, mean.Step) - rollout.V_TB.select(0, mean.Step) * schedule.Sigmas[mean.Step]
            : rollout.X_TB.select(0, plan.Steps);
}
