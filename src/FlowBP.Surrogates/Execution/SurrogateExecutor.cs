// One executor for every method. It never builds the surrogate graph: rollout without autograd, residuals, the reward's
// graph (freed), then one re-forward and one vector-Jacobian product after the other (each freed). Whatever K is, one
// graph is alive at a time. The phases are separate so that the trainer reads as the list of them.
// Shape legend: T steps, B batch, R rows (copies × batch), … the dimensions of one latent.

using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Executes <see cref="SurrogatePlan"/>s by sequential vector-Jacobian products (docs/methods.md §2).</summary>
/// <param name="field">v_θ; guided, where guidance is used.</param>
/// <param name="schedule">The rollout's schedule.</param>
/// <param name="kernels">The fused operations on latents.</param>
/// <param name="options">Chunk sizes and storage type.</param>
/// <param name="anchor">What holds the field near a reference; null: nothing.</param>
/// <param name="reference">
/// v_ref, guided as the field is; it is evaluated at the active steps, never pulled back. Null: there is none.
/// </param>
/// <exception cref="InvalidSettingException">Forwards are to be kept by a field that can't.</exception>
/// <exception cref="ArgumentException">The anchor needs a reference, and there is none.</exception>
/// <example>
/// <code>
/// using var rollout = executor.Rollout(batch);
/// var weights = executor.Weigh(batch, rollout);
/// using var gradient = executor.RewardGradient(batch, rollout, weights, reward, hinge);
/// using var anchor = executor.Anchor(batch, rollout, weights);    // null without a reference
/// executor.AccumulateGradients(batch, rollout, gradient, anchor);
/// </code>
/// </example>
public sealed class SurrogateExecutor(
    IVelocityField field,
    NoiseSchedule schedule,
    ILatentKernels kernels,
    ExecutorOptions? options = null,
    VelocityAnchor? anchor = null,
    IVelocityField? reference = null
)
{
    private readonly ExecutorOptions options = Possible(options ?? new(), field);
    private readonly VelocityAnchor anchor =
        anchor is { NeedsReference: true } && reference is null
            ? throw new ArgumentException("the anchor needs a reference field, and there is none", nameof(reference))
            : anchor ?? new();

    /// <summary>
    /// Rolls out, as far as the plans need; keeps the forwards of the active steps where <see cref="ExecutorOptions.Reuse"/> says so.
    /// </summary>
    /// <exception cref="NonFiniteException">A velocity is not finite.</exception>
    /// <exception cref="ArgumentException">The plan was made for another schedule.</exception>
    /// <exception cref="InvalidSettingException">Forwards are to be kept by a field that, as it turned out, can't.</exception>
    public RolloutCache Rollout(SurrogateBatch batch)
    {
        if (batch.Plan.Steps != schedule.Steps)
        {
            throw new ArgumentException(
                $"the plan was made for {batch.Plan.Steps} steps, the schedule has {schedule.Steps}",
                nameof(batch)
            );
        }
        return new Rollout(field, schedule, kernels, options.Storage, options.RolloutChunk, options.RolloutKernels).Run(
            batch.Noise_B,
            batch.Conditioning,
            [.. batch.Plan.Samples.Select(plan => plan.RolloutSteps)],
            Kept(batch.Plan)
        );
    }

    // An automatic choice of segments is made at the first evaluation, and may leave a field without block inputs to keep.
    private KeptForwards? Kept(BatchPlan plan) =>
        Possible(options, field).Reuse switch
        {
            RolloutReuse.On => new(plan, null),
            RolloutReuse.Auto when field.KeepsForward && options.KeptBytesBudget is { } budget => new(plan, budget),
            _ => null,
        };

    private static ExecutorOptions Possible(ExecutorOptions options, IVelocityField field) =>
        options.Reuse == RolloutReuse.On && !field.KeepsForward
            ? throw new InvalidSettingException(
                "reuse_rollout_blocks is on, but this velocity field keeps no block inputs:"
                    + " set gradient_checkpointing to blocks or a number of blocks, or reuse_rollout_blocks to off"
            )
            : options;

    /// <summary>Measures the leaps and weighs the samples (docs/methods.md §3.1).</summary>
    public TrajectoryWeights Weigh(SurrogateBatch batch, RolloutCache rollout) =>
        new LeapMeasure(kernels).Weigh(batch.Plan, rollout);

    /// <summary>Scores the reward inputs and pulls the hinge loss back to them, in chunks of images.</summary>
    /// <param name="batch">The inputs.</param>
    /// <param name="rollout">What <see cref="Rollout"/> returned.</param>
    /// <param name="weights">What <see cref="Weigh"/> returned.</param>
    /// <param name="reward">The reward.</param>
    /// <param name="hinge">The loss.</param>
    /// <param name="count">
    /// n, the images that the loss is the mean of, over all ranks whose gradients are *added up*; null: the kept
    /// images of this batch.
    /// </param>
    /// <param name="smoothing">
    /// Over which perturbed copies of each image the reward is the mean, with the noise of the batch; null: the image alone.
    /// </param>
    /// <exception cref="NonFiniteException">A score or a gradient is not finite.</exception>
    /// <exception cref="ArgumentException">Noise of copies is missing.</exception>
    public RewardGradient RewardGradient(
        SurrogateBatch batch,
        RolloutCache rollout,
        TrajectoryWeights weights,
        IReward reward,
        HingeLoss hinge,
        double? count = null,
        RewardSmoothing? smoothing = null
    ) =>
        new RewardPullback(field, schedule, kernels, options).Run(
            batch,
            rollout,
            weights,
            reward,
            hinge,
            count,
            smoothing ?? RewardSmoothing.None
        );

    /// <summary>
    /// Evaluates the reference at the active steps of the rollout, where x_i are constants, and makes the cotangents of the anchor. All
    /// samples have them, also those that the filter leaves out of the reward's loss or that are past its hinge.
    /// </summary>
    /// <param name="batch">The inputs.</param>
    /// <param name="rollout">What <see cref="Rollout"/> returned.</param>
    /// <param name="weights">What <see cref="Weigh"/> returned.</param>
    /// <param name="count">
    /// n, the samples that the loss is the mean of, by the rule of <see cref="RewardGradient"/>: over all ranks whose gradients are
    /// *added up*; null: the kept samples of this batch, or all of them where none is kept.
    /// </param>
    /// <returns>Null: there is no reference.</returns>
    /// <exception cref="NonFiniteException">A velocity of the reference, or the ratio of norms to it, is not finite.</exception>
    public AnchorGradient? Anchor(
        SurrogateBatch batch,
        RolloutCache rollout,
        TrajectoryWeights weights,
        double? count = null
    ) =>
        reference is null
            ? null
            : new AnchorMeasure(reference, schedule, kernels, anchor, options.RolloutChunk).Run(
                batch,
                rollout,
                count ?? (weights.Kept == 0 ? batch.Plan.Batch : weights.Kept)
            );

    /// <summary>
    /// Adds the surrogate's gradient to the gradients of the parameters: for each active step, clean side first, one
    /// re-forward and one product, for the samples whose cotangent is not zero. An anchor's cotangents go with the reward's, except
    /// where the step has a bridge, which they don't cross: a second product there.
    /// </summary>
    /// <param name="batch">The inputs.</param>
    /// <param name="rollout">What <see cref="Rollout"/> returned.</param>
    /// <param name="gradient">What <see cref="RewardGradient"/> returned; it is left as it is.</param>
    /// <param name="anchor">What <see cref="Anchor"/> returned.</param>
    /// <returns>The products taken.</returns>
    /// <exception cref="NonFiniteException">A cotangent that crossed a bridge is not finite.</exception>
    public Evaluations AccumulateGradients(
        SurrogateBatch batch,
        RolloutCache rollout,
        RewardGradient gradient,
        AnchorGradient? anchor = null
    ) => new PullbackSequence(field, schedule, kernels, options.VjpChunk).Run(batch, rollout, gradient, anchor);

    /// <summary>
    /// Adds the gradient of the flow-matching loss on given data to the gradients of the parameters: <c>weight/n Σ mean_D (v_θ(x_t, t, c) −
    /// (ε − x))²</c> with <c>x_t = (1 − t)·x + t·ε</c>. Independent of the other phases.
    /// </summary>
    /// <param name="data">The data, in pullbacks of <see cref="ExecutorOptions.VjpChunk"/> samples; it stays the caller's.</param>
    /// <param name="weight">The loss's weight.</param>
    /// <param name="count">
    /// n, the samples that the loss is the mean of, over all batches and ranks whose gradients are *added up*; null: those given.
    /// </param>
    /// <exception cref="NonFiniteException">A velocity is not finite.</exception>
    /// <exception cref="ArgumentException">Noise, times or conditioning are not of these samples.</exception>
    public FlowMatchingReport AccumulateFlowMatching(FlowMatchingBatch data, double weight, double? count = null) =>
        new FlowMatchingPullback(field, kernels, options.VjpChunk).Run(data, weight, count ?? data.Latents_B.size(0));
}
