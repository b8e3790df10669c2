// The bridge between a model folder and the surrogates: prompts become conditionings, a transformer becomes a velocity
// field, latents become pictures. The method side never sees any of it.

using FlowBP.Models;
using FlowBP.Surrogates;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Pipelines;

/// <summary>A loaded text-to-image model, ready to be sampled and trained.</summary>
public sealed class TextToImage : IDisposable
{
    private readonly double guidance;

    /// <summary>Loads a model folder; only the transformer's parameters receive gradients.</summary>
    /// <param name="folder">A folder in diffusers' layout.</param>
    /// <param name="guidance">Scale of classifier-free guidance; 1 is none.</param>
    /// <param name="detachNegative">Whether the negative branch is a constant in gradients.</param>
    /// <param name="workers">
    /// Threads that share a batch; 1: none, operators have libtorch's threads. A GPU has none.
    /// </param>
    /// <param name="device">Where it computes, the caller's; null: on the CPU.</param>
    /// <exception cref="Models.Formats.CheckpointException">A file is missing, damaged, or does not fit.</exception>
    public TextToImage(
        string folder,
        double guidance,
        bool detachNegative = true,
        int workers = 1,
        ComputeDevice? device = null
    )
    {
        this.guidance = guidance;
        Compute = device ?? ComputeDevice.Cpu;
        Model = SD3Pipeline.Load(folder).To(Compute.Device);
        Model.Transformer.UseRolloutKernels(Compute.RolloutKernels);
        foreach (var frozen in Model.TextTowers.Select(tower => (nn.Module)tower.Encoder).Append(Model.Vae))
        {
            frozen.eval();
            foreach (var parameter in frozen.parameters())
            {
                parameter.requires_grad = false;
            }
        }
        Workers = workers > 1 && !Compute.IsGpu ? new BatchWorkers(workers) : null;
        var field = SD3Field.Of(Model.Transformer, Model.Scheduler.NumTrainTimesteps);
        Field = new GuidedVelocityField(
            Workers is null ? field : new DataParallelVelocityField(field, Model.Transformer.parameters(), Workers),
            guidance,
            detachNegative
        );
    }

    /// <summary>The threads that share a batch; null: none.</summary>
    public BatchWorkers? Workers { get; }

    /// <summary>Where it computes.</summary>
    public ComputeDevice Compute { get; }

    /// <summary>The networks.</summary>
    public SD3Pipeline Model { get; }

    /// <summary>The guided velocity field.</summary>
    public GuidedVelocityField Field { get; }

    /// <summary>The size of one latent, [C, Y, X].</summary>
    public long[] LatentShape
    {
        get
        {
            var config = Model.Transformer.Config;
            return [config.InChannels, config.SampleSize, config.SampleSize];
        }
    }

    /// <summary>The schedule of a number of steps, as the model folder says.</summary>
    /// <param name="steps">N.</param>
    public NoiseSchedule Schedule(int steps)
    {
        var scheduler = Model.Scheduler;
        var patch = Model.Transformer.Config.PatchSize;
        var tokens = (int)(LatentShape[1] * LatentShape[2]) / (patch * patch);
        return scheduler.UseDynamicShifting
            ? NoiseSchedule.DynamicShift(
                steps,
                FlowMatchEuler.LinearMu(
                    tokens,
                    scheduler.BaseImageSeqLen,
                    scheduler.MaxImageSeqLen,
                    scheduler.BaseShift,
                    scheduler.MaxShift
                )
            )
            : NoiseSchedule.FlowMatchEuler(steps, scheduler.Shift);
    }

    /// <summary>The conditioning of prompts, with the empty prompt as negative branch where guidance needs one.</summary>
    /// <param name="prompts">The prompts.</param>
    public Conditioning Encode(IReadOnlyList<string> prompts) =>
        Branch(prompts, guidance == 1 ? null : Branch([.. Enumerable.Repeat("", prompts.Count)], null));

    /// <summary>Samples latents without caching the trajectory.</summary>
    /// <param name="noise_B">x_0 [B, C, Y, X], on any device.</param>
    /// <param name="conditioning">What <see cref="Encode"/> returned.</param>
    /// <param name="steps">N.</param>
    public Tensor Sample(Tensor noise_B, Conditioning conditioning, int steps)
    {
        using var scope = torch.NewDisposeScope();
        var rollout = new Rollout(
            Field,
            Schedule(steps),
            Compute.Kernels,
            ScalarType.Float32,
            fused: Compute.RolloutKernels
        );
        return rollout.Sample(noise_B.to(Compute.Device), conditioning).MoveToOuterDisposeScope();
    }

    /// <summary>RGB in [0, 1], without autograd.</summary>
    /// <param name="latents_BCYX">Scaled latents.</param>
    public Tensor Decode(Tensor latents_BCYX)
    {
        using var noGrad = torch.no_grad();
        return LatentReward.Pixels(Model.Vae, latents_BCYX);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Workers?.Dispose();
        Model.Dispose();
    }

    private Conditioning Branch(IReadOnlyList<string> prompts, Conditioning? negative)
    {
        var encoded = Model.Encode([.. prompts]);
        return SD3Field.Condition(
            encoded.Text_BLE.DetachFromDisposeScope(),
            encoded.Pooled_BP.DetachFromDisposeScope(),
            negative
        );
    }
}
