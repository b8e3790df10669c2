// The optimizer step of a training run touches every parameter once: clip, AdamW, EMA and the bf16 copy that the forward
// pass reads are one pass over memory instead of a dozen. These are the values that describe such a step.

namespace FlowBP.Kernels;

/// <summary>A gradient (or any other flat buffer) of which a norm is taken.</summary>
/// <param name="pointer">The first element. May be null when <paramref name="count"/> is zero.</param>
/// <param name="type">Storage type.</param>
/// <param name="count">Number of elements.</param>
public readonly unsafe struct GradientBuffer(void* pointer, LatentType type, long count)
{
    /// <summary>The first element.</summary>
    public void* Pointer { get; } = pointer;

    /// <summary>Storage type.</summary>
    public LatentType Type { get; } = type;

    /// <summary>Number of elements.</summary>
    public long Count { get; } = count;
}

/// <summary>One parameter with its gradient and optimizer state; all buffers are contiguous, none overlap.</summary>
public readonly unsafe struct AdamWEmaTensor
{
    /// <summary>Type of every buffer but <see cref="BFloat16Copy"/>: Float32 or Float64.</summary>
    public required LatentType Type { get; init; }

    /// <summary>Number of elements.</summary>
    public required long Count { get; init; }

    /// <summary>The parameter, updated in place.</summary>
    public required void* Parameter { get; init; }

    /// <summary>The gradient before clipping. Only read.</summary>
    public required void* Gradient { get; init; }

    /// <summary>First moment, updated in place; zeros before the first step.</summary>
    public required void* ExpAvg { get; init; }

    /// <summary>Second moment, updated in place; zeros before the first step.</summary>
    public required void* ExpAvgSq { get; init; }

    /// <summary>Exponential moving average of the parameter, updated in place; null: none is kept.</summary>
    public void* Ema { get; init; }

    /// <summary>Receives the updated parameter rounded to bf16; null: none is wanted.</summary>
    public void* BFloat16Copy { get; init; }
}

/// <summary>The numbers of one optimizer step, the same for every tensor of the call.</summary>
/// <param name="Step">Number of this step, counted from 1 (bias correction).</param>
/// <param name="LearningRate">lr.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the denominator, after the bias correction of the second moment.</param>
/// <param name="WeightDecay">Decoupled: <c>p *= 1 − lr·wd</c> before the update.</param>
/// <param name="EmaDecay">Decay of the moving average; not read by tensors that keep none.</param>
/// <param name="GradientFactor">Multiplies each gradient first: <see cref="ClipFactor"/>, or 1.</param>
public readonly record struct AdamWEmaStep(
    long Step,
    double LearningRate,
    double Beta1,
    double Beta2,
    double Epsilon,
    double WeightDecay,
    double EmaDecay,
    double GradientFactor = 1
)
{
    /// <summary>
    /// The factor of <c>clip_grad_norm_</c>: <c>min(1, maxNorm / (norm + 1e-6))</c>. NaN for a norm that is NaN.
    /// </summary>
    /// <param name="norm">Euclidean norm of all gradients together.</param>
    /// <param name="maxNorm">The largest norm that is left alone.</param>
    public static double ClipFactor(double norm, double maxNorm) => Math.Min(1, maxNorm / (norm + 1e-6));
}
