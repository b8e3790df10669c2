// What a prediction needs to know of a run: one value, filled from flags or from a configuration, and varied by the search for
// settings that fit.

using FlowBP.Families.Tracing;
using FlowBP.Surrogates;

namespace FlowBP.Training.Planning;

/// <summary>How the trained network's state is spread over GPUs.</summary>
public enum Sharding
{
    /// <summary>Every GPU has all of it.</summary>
    None,

    /// <summary>Masters, gradients, optimizer and moving average are divided; blocks are gathered when they are used.</summary>
    Full,
}

/// <summary>Where prompt embeddings come from.</summary>
public enum TextEncoding
{
    /// <summary>The text encoders are in memory.</summary>
    Resident,

    /// <summary>Read from files; there are no text encoders.</summary>
    Precomputed,
}

/// <summary>A run to predict.</summary>
public sealed record PlanRequest
{
    /// <summary>The networks.</summary>
    public required PlannedModel Model { get; init; }

    /// <summary>The method, ready to draw.</summary>
    public required ISurrogatePlanner Planner { get; init; }

    /// <summary>Samples of an update, all GPUs together.</summary>
    public required int Batch { get; init; }

    /// <summary>Batches that an update is made of, one after the other.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Pixels per side.</summary>
    public required int Resolution { get; init; }

    /// <summary>N.</summary>
    public required int RolloutSteps { get; init; }

    /// <summary>GPUs that share an update.</summary>
    public int Gpus { get; init; } = 1;

    /// <summary>Memory of each, in bytes.</summary>
    public double GpuMemoryBytes { get; init; } = double.PositiveInfinity;

    /// <summary>Whether every rollout evaluation has a negative branch.</summary>
    public bool IsGuided { get; init; }

    /// <summary>Whether that branch is a constant in gradients.</summary>
    public bool DetachNegative { get; init; } = true;

    /// <summary>Samples per network evaluation of the rollout; null: all.</summary>
    public int? RolloutChunk { get; init; }

    /// <summary>Images per graph of the reward; null: all.</summary>
    public int? RewardChunk { get; init; }

    /// <summary>Samples per vector-Jacobian product; null: all.</summary>
    public int? VjpChunk { get; init; }

    /// <summary>Bytes per element of cached latents.</summary>
    public int LatentBytes { get; init; } = 2;

    /// <summary>Bytes per element that the transformer computes in: 4, or 2 with float32 masters.</summary>
    public int ComputeBytes { get; init; } = 2;

    /// <summary>Bytes per element of autoencoder, rewards and text encoders.</summary>
    public int FrozenBytes { get; init; } = 2;

    /// <summary>How the trained state is spread.</summary>
    public Sharding Sharding { get; init; }

    /// <summary>Rank of LoRA; null: all weights are trained.</summary>
    public int? LoraRank { get; init; }

    /// <summary>Blocks whose activations are alive together in a pullback; null: all, nothing is recomputed.</summary>
    public int? SegmentBlocks { get; init; }

    /// <summary>Whether the decoder's residual blocks are run again in the reward's gradient.</summary>
    public bool RecomputesDecode { get; init; }

    /// <summary>Whether the rollout keeps the block inputs of active steps.</summary>
    public bool ReusesRolloutBlocks { get; init; }

    /// <summary>Where prompt embeddings come from.</summary>
    public TextEncoding TextEncoding { get; init; }

    /// <summary>Whether a moving average of the weights is kept.</summary>
    public bool KeepsAverage { get; init; } = true;

    /// <summary>
    /// Whether the model as it was before training is evaluated at the active steps: a frozen copy, except under an adapter.
    /// </summary>
    public bool HasReference { get; init; }

    /// <summary>Pictures of an update's flow-matching loss, all GPUs together; 0: there is none.</summary>
    public int FlowMatchingSamples { get; init; }

    /// <summary>Pictures that the reward sees, one after the other, in the place of one.</summary>
    public int RewardCopies { get; init; } = 1;

    /// <summary>Whether attention holds no matrix of scores (<c>scaled_dot_product_attention</c> of libtorch 2 and later).</summary>
    public bool FusedAttention { get; init; } = true;

    /// <summary>What the device's context and libraries take besides tensors, in bytes: an estimate.</summary>
    public long WorkspaceBytes { get; init; }

    /// <summary>Samples of a batch on the GPU that has most.</summary>
    public int SamplesPerGpu => (Batch + (Gpus * Accumulation) - 1) / (Gpus * Accumulation);

    internal int RolloutWidth => Math.Min(RolloutChunk ?? int.MaxValue, SamplesPerGpu);
}
