// The fused operations on latents, as one interface with several implementations: CpuLatentKernels is vectorised and parallel,
// CudaLatentKernels runs on a GPU, and ScalarLatentKernels (tests/FlowBP.Kernels.References) is what both are tested against.
// Whatever implements it, the numbers are the same: sums run in a fixed order with fused multiply-adds, so replay, residual and
// scaling agree bit for bit (the payload of a NaN excepted).

namespace FlowBP.Kernels;

/// <summary>
/// Fused operations on latents and parameters (docs/methods.md §2 and §3). Accumulation is in binary32 for
/// <see cref="LatentType.BFloat16"/> and <see cref="LatentType.Float32"/>, in binary64 for
/// <see cref="LatentType.Float64"/>; results are rounded once to the storage type, to nearest even (a NaN stays a NaN).
/// Results depend neither on the number of threads nor on alignment. Empty buffers are left alone.
/// </summary>
public interface ILatentKernels
{
    /// <summary>Number of the GPU whose memory the buffers are in; null: this process's memory.</summary>
    int? DeviceIndex => null;

    /// <summary>
    /// Replays a quadrature from a cached state: <c>out[b] = x[start[b], b] + Σ_k weight[b,k] · v[index[b,k], b]</c>,
    /// summed in the order of k by fused multiply-adds.
    /// </summary>
    /// <param name="x_TBE">Cached states.</param>
    /// <param name="start_B">Step of the state that each sample starts from, in [0, T of <paramref name="x_TBE"/>).</param>
    /// <param name="v_TBE">Cached velocities; B, E and type as <paramref name="x_TBE"/>, T of its own.</param>
    /// <param name="index_BK">
    /// Steps of the velocities, K = length / B per sample, in [0, T of <paramref name="v_TBE"/>). K may be 0.
    /// </param>
    /// <param name="weight_BK">Weights, one per index; rounded to binary32 unless the latents are Float64.</param>
    /// <param name="out_BE">
    /// Receives the result; T = 1, B, E and type as <paramref name="x_TBE"/>. It may lie inside the caches (a rollout
    /// writes x_{i+1} this way) as long as no row that is written is also read.
    /// </param>
    /// <exception cref="ArgumentException">Shapes, types or lengths don't fit, an index is out of range.</exception>
    void Replay(
        LatentBuffer x_TBE,
        ReadOnlySpan<int> start_B,
        LatentBuffer v_TBE,
        ReadOnlySpan<int> index_BK,
        ReadOnlySpan<double> weight_BK,
        LatentBuffer out_BE
    );

    /// <summary>
    /// Distance of a replay to a cached state: <c>residual[b] = mean_e |x[target[b], b, e] − x̂[b, e]|</c> with x̂ as in
    /// <see cref="Replay"/> but not rounded to storage. x̂ is written only when asked for. |·| is formed in the
    /// accumulation type and summed in double, in the fixed order of <see cref="ReductionOrder"/>.
    /// </summary>
    /// <param name="x_TBE">Cached states.</param>
    /// <param name="start_B">Step of the state that each sample starts from.</param>
    /// <param name="v_TBE">Cached velocities.</param>
    /// <param name="index_BK">Steps of the velocities, K per sample.</param>
    /// <param name="weight_BK">Weights, one per index.</param>
    /// <param name="target_B">Step of the state that each sample is compared with.</param>
    /// <param name="residual_B">Receives the mean distances; 0 where E = 0.</param>
    /// <param name="out_BE">Receives x̂, rounded to storage, unless null.</param>
    /// <exception cref="ArgumentException">Shapes, types or lengths don't fit, an index is out of range.</exception>
    void QuadratureResidual(
        LatentBuffer x_TBE,
        ReadOnlySpan<int> start_B,
        LatentBuffer v_TBE,
        ReadOnlySpan<int> index_BK,
        ReadOnlySpan<double> weight_BK,
        ReadOnlySpan<int> target_B,
        Span<double> residual_B,
        LatentBuffer? out_BE = null
    );

    /// <summary>
    /// <c>u[b] = scale[b] · g[b]</c>: the cotangent that an active step receives (docs/methods.md §2). A Float32 gradient may
    /// be cast to BFloat16 in the same pass, and the other way round.
    /// </summary>
    /// <param name="g_BE">Gradient at the reward input, or g_j; T = 1.</param>
    /// <param name="scale_B">One factor per sample.</param>
    /// <param name="u_BE">
    /// Receives the result; T = 1; Float64 exactly if <paramref name="g_BE"/> is. It may be the same memory if the type
    /// is the same.
    /// </param>
    /// <exception cref="ArgumentException">Shapes, types or lengths don't fit.</exception>
    void ScaleCotangent(LatentBuffer g_BE, ReadOnlySpan<double> scale_B, LatentBuffer u_BE);

    /// <summary>
    /// One pass over every tensor: gradient × factor, AdamW, EMA, bf16 copy. As <c>torch.optim.AdamW</c>, then
    /// <c>ema += (1 − decay)·(p − ema)</c>:
    /// <code>
    /// g = factor·grad;  p ← p·(1 − lr·wd);  m ← m + (1 − β₁)(g − m);  s ← β₂·s + (1 − β₂)·g²
    /// p ← p − lr/(1 − β₁ᵗ) · m / (√s / √(1 − β₂ᵗ) + ε)
    /// </code>
    /// A factor that is not finite is rejected before anything is written. Non-finite gradients are not looked for: they
    /// make <see cref="SquaredNorms"/>, and through it <see cref="AdamWEmaStep.ClipFactor"/>, tell.
    /// </summary>
    /// <param name="tensors">The tensors. An empty one is left alone.</param>
    /// <param name="step">The numbers of this step.</param>
    /// <exception cref="ArgumentException">A type is BFloat16, a pointer is missing, or a number is out of range.</exception>
    void AdamWEma(ReadOnlySpan<AdamWEmaTensor> tensors, in AdamWEmaStep step);

    /// <summary>
    /// Sum of the squares of the elements of each gradient, in double and in a fixed order. Of Float32 and BFloat16 gradients
    /// it is finite exactly when every element is: squares of finite binary32 values can't overflow in double.
    /// </summary>
    /// <param name="gradients">The gradients.</param>
    /// <param name="squaredNorms">Receives one sum per gradient; 0 for an empty one.</param>
    /// <exception cref="ArgumentException">A pointer is missing, a count is negative, or the lengths differ.</exception>
    void SquaredNorms(ReadOnlySpan<GradientBuffer> gradients, Span<double> squaredNorms);
}

/// <summary>What follows from the operations of <see cref="ILatentKernels"/>.</summary>
public static class LatentKernelsExtensions
{
    /// <summary>
    /// Sum of the squares of all elements of all gradients; its root is the norm of <c>clip_grad_norm_</c>. Finite as those of
    /// <see cref="ILatentKernels.SquaredNorms"/> are.
    /// </summary>
    /// <param name="kernels">The operations.</param>
    /// <param name="gradients">The gradients; their order is the order of summation.</param>
    /// <exception cref="ArgumentException">A pointer is missing or a count is negative.</exception>
    public static double SquaredNorm(this ILatentKernels kernels, ReadOnlySpan<GradientBuffer> gradients)
    {
        var squaredNorms = new double[gradients.Length];
        kernels.SquaredNorms(gradients, squaredNorms);
        var total = 0.0;
        foreach (var squaredNorm in squaredNorms)
        {
            total += squaredNorm;
        }
        return total;
    }
}
