// What a batch of a step begins with. All of it is a function of seeds, step and the sample's number, whatever an update is cut
// into.
// Shape legend: B batch, N re-noised copies, R rows (copies × batch, copy-major).

using FlowBP.RandomStreams;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Alignment;

/// <summary>Owns what a <see cref="SurrogateBatch"/> only refers to.</summary>
/// <param name="batch">The batch.</param>
internal sealed class StepInputs(SurrogateBatch batch) : IDisposable
{
    /// <summary>The batch.</summary>
    public SurrogateBatch Batch { get; } = batch;

    /// <inheritdoc/>
    public void Dispose()
    {
        Batch.Noise_B.Dispose();
        Batch.Renoise_NB?.Dispose();
        Batch.Smoothing_NR?.Dispose();
        Batch.Conditioning.Dispose();
        Batch.RewardConditioning.Dispose();
    }
}

/// <summary>Draws indices and noise, and encodes prompts.</summary>
/// <param name="config">The run.</param>
/// <param name="model">The model that is trained.</param>
/// <param name="reward">The training reward.</param>
/// <param name="schedule">The rollout's schedule.</param>
internal sealed class StepInputSource(
    AlignmentConfig config,
    TextToImage model,
    IImageReward reward,
    NoiseSchedule schedule
)
{
    /// <summary>The inputs of a batch, or of a part of one.</summary>
    /// <param name="texts">Its prompts [B].</param>
    /// <param name="step">Index of the step, from 0.</param>
    /// <param name="first">Number of its first sample in the update.</param>
    public StepInputs Draw(IReadOnlyList<string> texts, int step, int first)
    {
        var batch = texts.Count;
        // One draw for a batch is that of its first sample, in whatever parts it is computed.
        var drawn =
            config.IndexDraw == DrawScope.PerBatch ? first / config.TrainBatchSize * config.TrainBatchSize : first;
        var plan = BatchPlan.Draw(
            config.Planner,
            schedule,
            batch,
            config.IndexDraw,
            b => RandomStream.For(config.IndexSeed, step, drawn + b, RandomPurpose.Indices)
        );
        return new StepInputs(
            new SurrogateBatch
            {
                Plan = plan,
                Noise_B = Noise.Of(model.LatentShape, batch, config.NoiseSeed, step, first).to(model.Compute.Device),
                Conditioning = model.Painter.Encode(texts),
                RewardConditioning = reward.Encode(texts),
                Renoise_NB = plan.RenoisedCopies == 0 ? null : Renoise(plan.RenoisedCopies, batch, step, first),
                Smoothing_NR = config.Smoothing.IsOff ? null : Perturb(plan.RenoisedCopies + 1, batch, step, first),
            }
        );
    }

    private Tensor Renoise(int copies, int batch, int step, int first) =>
        Copies(copies, batch, step, first, RandomPurpose.Renoise).to(model.Compute.Device);

    // The rows of a sample are further copies: those of the first perturbation, then those of the next.
    private Tensor Perturb(int rows, int batch, int step, int first)
    {
        var copies = config.Smoothing.Copies;
        var noise = Copies(copies * rows, batch, step, first, RandomPurpose.RewardSmoothing);
        return noise.reshape([copies, rows * batch, .. model.LatentShape]).to(model.Compute.Device);
    }

    private Tensor Copies(int copies, int batch, int step, int first, RandomPurpose purpose) =>
        Noise.Copies(
            model.LatentShape,
            copies,
            batch,
            config.GradientAccumulationSteps * config.TrainBatchSize,
            config.NoiseSeed,
            step,
            first,
            purpose
        );
}
