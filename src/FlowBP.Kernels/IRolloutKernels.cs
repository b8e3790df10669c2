// A rollout evaluates the network without autograd, and there nothing needs the intermediate results of a norm, a modulation or a
// guidance: each group of operations between two matrix products is one pass over memory. ScalarRolloutKernels
// (tests/FlowBP.Kernels.References) is the reference; on a GPU, CudaRolloutKernels gives its bits.

namespace FlowBP.Kernels;

/// <summary>
/// Fused operations of the rollout on Float32 or BFloat16: arithmetic in binary32, rounded once to the storage type at the end
/// (<see cref="GuidedEulerStep"/> says where else). Results depend on the type, not on alignment or strides. Empty buffers
/// are left alone.
/// </summary>
public unsafe interface IRolloutKernels
{
    /// <summary>Number of the GPU whose memory the buffers are in; null: this process's memory.</summary>
    int? DeviceIndex => null;

    /// <summary>
    /// <c>out[b,l] = LayerNorm(x[b,l]) · (1 + scale[b]) + shift[b]</c>; the norm has neither weight nor bias, its variance is
    /// taken about the mean in a second pass.
    /// </summary>
    /// <param name="x_BLD">Tokens; D below 2^31.</param>
    /// <param name="scale_BD">Modulation.</param>
    /// <param name="shift_BD">Modulation.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="out_BLD">Receives the result; it may be <paramref name="x_BLD"/>.</param>
    /// <exception cref="ArgumentException">Shapes or types don't fit.</exception>
    void AdalnModulate(
        TokenBuffer x_BLD,
        ModulationBuffer scale_BD,
        ModulationBuffer shift_BD,
        double epsilon,
        TokenBuffer out_BLD
    );

    /// <summary><c>out[b,l] = x[b,l] + gate[b] · y[b,l]</c>.</summary>
    /// <param name="x_BLD">Tokens; D below 2^31.</param>
    /// <param name="gate_BD">Modulation.</param>
    /// <param name="y_BLD">Tokens; nothing of it may be in <paramref name="out_BLD"/>.</param>
    /// <param name="out_BLD">Receives the result; it may be <paramref name="x_BLD"/>.</param>
    /// <exception cref="ArgumentException">Shapes or types don't fit.</exception>
    void GatedResidual(TokenBuffer x_BLD, ModulationBuffer gate_BD, TokenBuffer y_BLD, TokenBuffer out_BLD);

    /// <summary>
    /// Divides each head by its root mean square, multiplies it by a weight, and rotates pairs of neighbouring elements:
    /// <c>(a, b) → (a·cos − b·sin, b·cos + a·sin)</c>.
    /// </summary>
    /// <param name="x_BLHK">Queries or keys.</param>
    /// <param name="weight_K">K elements of the same type; null: ones.</param>
    /// <param name="cosine_LP">Float32 [L, K/2]; null, like <paramref name="sine_LP"/>: no rotation.</param>
    /// <param name="sine_LP">Float32 [L, K/2].</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="out_BLHK">
    /// Receives the result, at strides of its own; it may be <paramref name="x_BLHK"/>, else nothing may overlap.
    /// </param>
    /// <exception cref="ArgumentException">Shapes or types don't fit; K is odd and there is a rotation.</exception>
    void QkNormRope(
        HeadBuffer x_BLHK,
        void* weight_K,
        float* cosine_LP,
        float* sine_LP,
        double epsilon,
        HeadBuffer out_BLHK
    );

    /// <summary>
    /// Guidance and Euler step: <c>v = v_neg + s·(v_cond − v_neg)</c>, each operation rounded to binary32 and the result to
    /// the cache's type; <c>x_next = x + h·v</c> by a fused multiply-add from that v, rounded once to the cache's type.
    /// </summary>
    /// <param name="conditional_NE">The network's conditional output, [1, N, E], Float32 or BFloat16.</param>
    /// <param name="negative_NE">Its negative branch, of the same shape and type; null: v is the conditional output.</param>
    /// <param name="guidance">s.</param>
    /// <param name="sample_N">The sample in the cache that each row of the output belongs to; each at most once.</param>
    /// <param name="x_BE">States, [1, B, E], Float32 or BFloat16.</param>
    /// <param name="step">h.</param>
    /// <param name="v_BE">Receives the velocities; shape and type as <paramref name="x_BE"/>.</param>
    /// <param name="next_BE">
    /// Receives the next states; shape and type as <paramref name="x_BE"/>, which it may be. Other samples' rows of both results
    /// are left alone.
    /// </param>
    /// <exception cref="ArgumentException">Shapes or types don't fit, a sample is out of range or named twice.</exception>
    void GuidedEulerStep(
        LatentBuffer conditional_NE,
        LatentBuffer? negative_NE,
        double guidance,
        ReadOnlySpan<int> sample_N,
        LatentBuffer x_BE,
        double step,
        LatentBuffer v_BE,
        LatentBuffer next_BE
    );
}
