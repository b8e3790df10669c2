// In which types a model computes, and what its pullbacks keep alive. None of it belongs to a family.

using FlowBP.Families;
using FlowBP.Models.Adapters;
using FlowBP.Surrogates;

namespace FlowBP.Training.Pipelines;

/// <summary>How a model computes.</summary>
public sealed record ComputeOptions
{
    /// <summary>
    /// What the transformer computes in: Float32, or BFloat16 under float32 masters
    /// (<see cref="Optimization.ComputeCopy"/>) where its own weights are trained. <c>compute_dtype</c>.
    /// </summary>
    public ScalarType Compute { get; init; } = ScalarType.Float32;

    /// <summary>What the autoencoder computes in; a reward is loaded in it too. <c>reward_dtype</c>.</summary>
    public ScalarType Reward { get; init; } = ScalarType.Float32;

    /// <summary>How the transformer is cut up for pullbacks. <c>gradient_checkpointing</c>.</summary>
    public GradientCheckpointing Checkpointing { get; init; } = GradientCheckpointing.None;

    /// <summary>
    /// Whether pullbacks through the decoder run its residual blocks again: a third more time for a fraction of the memory.
    /// <c>recompute_decode</c>.
    /// </summary>
    public bool RecomputesDecode { get; init; }

    /// <summary>
    /// What is trained instead of the transformer's own weights; null: these. Without targets it takes the family's
    /// (<see cref="IBackbone.LoraTargets"/>). <c>lora_rank</c>, <c>lora_alpha</c>, <c>lora_target_modules</c>.
    /// </summary>
    public LoraConfig? Lora { get; init; }

    /// <summary>An adapter that was trained before, instead of a new one; null: none. <c>lora_weights</c>.</summary>
    public StoredAdapter? StoredLora { get; init; }

    /// <summary>A file of the transformer's weights instead of the folder's; null: the folder's. <c>transformer</c>.</summary>
    public string? TransformerWeights { get; init; }

    /// <summary>Whether anything is trained. What only paints keeps no float32 masters.</summary>
    public bool Trains { get; init; } = true;

    /// <summary>Seed of an adapter's first factors.</summary>
    public ulong LoraSeed { get; init; }
}
