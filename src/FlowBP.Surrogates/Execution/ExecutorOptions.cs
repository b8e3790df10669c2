// Each phase has its own width, because each has its own largest graph (docs/architecture.md §1). None of it changes a number.

using FlowBP.Settings;

namespace FlowBP.Surrogates;

/// <summary>Whether pullbacks start from block inputs that the rollout kept.</summary>
public enum RolloutReuse
{
    /// <summary>Where the field can, and what is kept fits into <see cref="ExecutorOptions.KeptBytesBudget"/>.</summary>
    Auto,

    /// <summary>Always; a field that can't is an error.</summary>
    On,

    /// <summary>Never: every pullback runs a forward of its own.</summary>
    Off,
}

/// <summary>How the executor cuts a batch up, and what it stores latents in.</summary>
public sealed record ExecutorOptions
{
    /// <summary>Storage type of the caches: BFloat16, Float32 or Float64 (verification).</summary>
    [Dtype("storage type of cached latents", Name = "latent_dtype")]
    public ScalarType Storage { get; init; } = ScalarType.BFloat16;

    /// <summary>Samples per network evaluation of the rollout.</summary>
    [Chunk("samples per network evaluation of the rollout", Name = "rollout_batch_size")]
    public int RolloutChunk { get; init; } = int.MaxValue;

    /// <summary>Images per graph of the reward.</summary>
    [Chunk("images per graph of the reward", Name = "reward_batch_size")]
    public int RewardChunk { get; init; } = int.MaxValue;

    /// <summary>Samples per vector-Jacobian product.</summary>
    [Chunk("samples per vector-Jacobian product", Name = "vjp_batch_size")]
    public int VjpChunk { get; init; } = int.MaxValue;

    /// <summary>
    /// Threads that score the images' chunks side by side, as many as there are workers (a velocity field brings its own,
    /// <see cref="DataParallelVelocityField"/>); null: one chunk after the other. They stay the caller's.
    /// </summary>
    public BatchWorkers? Workers { get; init; }

    /// <summary>
    /// Fuses guidance and Euler step of the rollout; null: the tensor library guides, and the latent kernels step. Float64 caches
    /// take the latter in any case.
    /// </summary>
    public IRolloutKernels? RolloutKernels { get; init; }

    /// <summary>
    /// Whether the rollout keeps the block inputs of the active steps, so that their pullbacks need no forward. It is the only
    /// memory that grows with the number of active steps; the gradient is the same.
    /// </summary>
    [Setting(
        "whether the rollout keeps the block inputs of the active steps, which saves their second forward",
        Name = "reuse_rollout_blocks"
    )]
    public RolloutReuse Reuse { get; init; } = RolloutReuse.Auto;

    /// <summary>
    /// What may be kept for all active steps of all samples together, in bytes; null: nothing under
    /// <see cref="RolloutReuse.Auto"/>. <see cref="RolloutReuse.On"/> does not ask.
    /// </summary>
    public long? KeptBytesBudget { get; init; }

    // None is a whole batch.
    private sealed class ChunkAttribute(string help) : SettingAttribute(help)
    {
        protected override SettingKind KindOf(Type type, bool isNullable)
        {
            var size = SettingKind.Integer(1).OrNone();
            return size with
            {
                Parse = (text, out value) =>
                {
                    var isSize = size.Parse(text, out value);
                    value ??= int.MaxValue;
                    return isSize;
                },
                Format = value => size.Format(value is int.MaxValue ? null : value),
            };
        }
    }
}

/// <summary>A count of network evaluations.</summary>
/// <param name="Calls">Calls of the velocity field.</param>
/// <param name="Samples">Samples in those calls, together (a guided sample counts once).</param>
public readonly record struct Evaluations(long Calls, long Samples)
{
    /// <summary>Counts one more call.</summary>
    /// <param name="samples">Its samples.</param>
    public Evaluations Add(int samples) => new(Calls + 1, Samples + samples);
}
