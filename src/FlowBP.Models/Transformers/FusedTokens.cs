// The rollout's fused operations on tensors. Without autograd nothing needs what lies between a norm and its modulation, a gate and
// its sum, a projection and its norm: each of them is one pass here, and queries and keys of both streams are written where the
// attention reads them. Pullbacks never come here: they need operations that libtorch can differentiate.
//
// Shapes: B batch, L N tokens, D width, P parts of a modulation, H heads, K width of a head.

using FlowBP.Kernels;

namespace FlowBP.Models.Transformers;

/// <summary>Fused operations for the path without gradients.</summary>
internal sealed unsafe class FusedTokens(IRolloutKernels kernels)
{
    /// <summary>Whether a stream can take this path: no gradients are wanted, and it is what and where kernels can read.</summary>
    public bool Serves(Tensor x_BLD) =>
        !torch.is_grad_enabled()
        && x_BLD.dtype is ScalarType.Float32 or ScalarType.BFloat16
        && TensorPointer.IsOn(x_BLD, kernels.DeviceIndex);

    /// <summary>LayerNorm, scaled and shifted by two parts of a modulation.</summary>
    /// <param name="x_BLD">Tokens, contiguous.</param>
    /// <param name="modulation_BE">All parts, [B, P·D], contiguous.</param>
    /// <param name="shift">Which part is the shift.</param>
    /// <param name="scale">Which part is the scale.</param>
    /// <param name="epsilon">Added to the variance.</param>
    public Tensor Modulate(Tensor x_BLD, Tensor modulation_BE, int shift, int scale, double epsilon)
    {
        var out_BLD = torch.empty_like(x_BLD);
        kernels.AdalnModulate(
            Tokens(x_BLD),
            Part(modulation_BE, scale, x_BLD),
            Part(modulation_BE, shift, x_BLD),
            epsilon,
            Tokens(out_BLD)
        );
        GC.KeepAlive(x_BLD);
        GC.KeepAlive(modulation_BE);
        return out_BLD;
    }

    /// <summary><c>out = x + gate·y</c>.</summary>
    /// <param name="x_BLD">Tokens, contiguous.</param>
    /// <param name="modulation_BE">All parts, [B, P·D], contiguous.</param>
    /// <param name="gate">Which part is the gate.</param>
    /// <param name="y_BLD">Tokens.</param>
    /// <param name="out_BLD">Receives the result; it may be x.</param>
    public void AddGated(Tensor x_BLD, Tensor modulation_BE, int gate, Tensor y_BLD, Tensor out_BLD)
    {
        using var update_BLD = y_BLD.contiguous();
        kernels.GatedResidual(Tokens(x_BLD), Part(modulation_BE, gate, x_BLD), Tokens(update_BLD), Tokens(out_BLD));
        GC.KeepAlive(x_BLD);
        GC.KeepAlive(modulation_BE);
        GC.KeepAlive(out_BLD);
    }

    /// <summary>Normalises the heads of a projection, and turns them, on their way into the tokens of both streams.</summary>
    /// <param name="x_BLE">Projections of one stream, contiguous; the heads may be part of them.</param>
    /// <param name="column">Where the heads begin there.</param>
    /// <param name="weight_K">Weight of the norm.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <param name="rotary_N">Rotations of all tokens; null: none.</param>
    /// <param name="out_BND">Queries or keys of all tokens; D is H·K.</param>
    /// <param name="first">Where the stream's tokens begin there.</param>
    public void NormHeads(
        Tensor x_BLE,
        long column,
        Tensor weight_K,
        double epsilon,
        RotaryTable? rotary_N,
        Tensor out_BND,
        long first
    )
    {
        var (tokens, head) = (x_BLE.size(1), (int)weight_K.size(0));
        var heads = (int)(out_BND.size(2) / head);
        kernels.QkNormRope(
            TokenBuffers.Heads(x_BLE, 0, tokens, column, heads, head, kernels.DeviceIndex),
            Pointer(weight_K),
            Rotations(rotary_N?.Cosine_NP, first),
            Rotations(rotary_N?.Sine_NP, first),
            epsilon,
            TokenBuffers.Heads(out_BND, first, tokens, 0, heads, head, kernels.DeviceIndex)
        );
        GC.KeepAlive(x_BLE);
        GC.KeepAlive(weight_K);
        GC.KeepAlive(rotary_N);
        GC.KeepAlive(out_BND);
    }

    private float* Rotations(Tensor? table_NP, long first) =>
        table_NP is null ? null : (float*)Pointer(table_NP) + (first * table_NP.size(1));

    private TokenBuffer Tokens(Tensor x_BLD) => TokenBuffers.Of(x_BLD, kernels.DeviceIndex);

    private ModulationBuffer Part(Tensor modulation_BE, int part, Tensor x_BLD) =>
        TokenBuffers.Part(modulation_BE, part, x_BLD.size(2), kernels.DeviceIndex);

    private void* Pointer(Tensor tensor) => (void*)TensorPointer.Of(tensor, kernels.DeviceIndex);
}
