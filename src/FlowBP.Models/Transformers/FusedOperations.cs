// The rollout's fused operations on tensors. Without autograd nothing needs what lies between a norm and its modulation, a gate and
// its sum, a projection and its norm: each of them is one pass here, and queries and keys of all streams are written where the
// attention reads them. Pullbacks never come here: they need operations that libtorch can differentiate.
//
// Shapes: B batch, L N tokens, D width, P parts of a modulation, H heads, K width of a head.

using FlowBP.Kernels;

namespace FlowBP.Models.Transformers;

/// <summary>Fused operations for the path without gradients. An object serves one block at a time.</summary>
/// <param name="kernels">The kernels.</param>
/// <param name="rotary_N">Rotations of all tokens; null: none.</param>
internal sealed unsafe class FusedOperations(IRolloutKernels kernels, RotaryTable? rotary_N)
    : TensorOperations(rotary_N)
{
    private readonly HashSet<Tensor> own = new(ReferenceEqualityComparer.Instance);

    /// <summary>Whether a stream can take this path: no gradients are wanted, and it is what and where kernels can read.</summary>
    public static bool Serves(IRolloutKernels kernels, Tensor x_BLD) =>
        !torch.is_grad_enabled()
        && x_BLD.dtype is ScalarType.Float32 or ScalarType.BFloat16
        && TensorPointer.IsOn(x_BLD, kernels.DeviceIndex);

    public override Tensor Contiguous(Tensor x) => x.contiguous();

    // The norm waits for its modulation.
    public override Normed<Tensor> Norm(Tensor x_BLD, double epsilon) => new(x_BLD, epsilon);

    public override Modulation<Tensor> Modulation(Tensor all_BE, int parts) => new(all_BE.contiguous(), []);

    public override Tensor Modulated(Normed<Tensor> x, Modulation<Tensor> by, int shift, int scale)
    {
        var out_BLD = torch.empty_like(x.Value);
        kernels.AdalnModulate(
            TokensIn(x.Value),
            Part(by.All, scale, x.Value),
            Part(by.All, shift, x.Value),
            x.Epsilon,
            TokensIn(out_BLD)
        );
        GC.KeepAlive(x.Value);
        GC.KeepAlive(by.All);
        return out_BLD;
    }

    // What the block received is not written to; a sum that was made here is.
    public override Tensor Gated(Tensor stream_BLD, Modulation<Tensor> by, int gate, Tensor update_BLD)
    {
        var out_BLD = own.Contains(stream_BLD) ? stream_BLD : torch.empty_like(stream_BLD);
        own.Add(out_BLD);
        using var rows_BLD = update_BLD.contiguous();
        kernels.GatedResidual(
            TokensIn(stream_BLD),
            Part(by.All, gate, stream_BLD),
            TokensIn(rows_BLD),
            TokensIn(out_BLD)
        );
        GC.KeepAlive(stream_BLD);
        GC.KeepAlive(by.All);
        GC.KeepAlive(out_BLD);
        return out_BLD;
    }

    public override Tensor Heads(ReadOnlySpan<HeadSource<Tensor>> sources, int heads, bool turns)
    {
        if (!turns || sources[0].Norm is null)
        {
            return base.Heads(sources, heads, turns);
        }
        var first = sources[0].Projection;
        var tokens = 0L;
        foreach (var source in sources)
        {
            tokens += TokensOf(source.Projection);
        }
        var all_BND = torch.empty(
            [first.size(0), tokens, sources[0].Width ?? first.size(2)],
            first.dtype,
            first.device
        );
        var token = 0L;
        foreach (var source in sources)
        {
            NormHeads(source, all_BND, token);
            token += TokensOf(source.Projection);
        }
        return SplitHeads(all_BND, heads);
    }

    // Normalises the heads of a projection, and turns them, on their way into the tokens of all streams.
    private void NormHeads(HeadSource<Tensor> source, Tensor out_BND, long first)
    {
        var x_BLE = source.Projection.contiguous();
        var weight_K = source.Norm!.Weight_K;
        var (tokens, head) = (x_BLE.size(1), (int)weight_K.size(0));
        var heads = (int)(out_BND.size(2) / head);
        kernels.QkNormRope(
            TokenBuffers.Heads(x_BLE, 0, tokens, source.Column, heads, head, kernels.DeviceIndex),
            Pointer(weight_K),
            Rotations(Rotary_N?.Cosine_NP, first),
            Rotations(Rotary_N?.Sine_NP, first),
            source.Norm.Epsilon,
            TokenBuffers.Heads(out_BND, first, tokens, 0, heads, head, kernels.DeviceIndex)
        );
        GC.KeepAlive(x_BLE);
        GC.KeepAlive(weight_K);
        GC.KeepAlive(Rotary_N);
        GC.KeepAlive(out_BND);
    }

    private float* Rotations(Tensor? table_NP, long first) =>
        table_NP is null ? null : (float*)Pointer(table_NP) + (first * table_NP.size(1));

    private TokenBuffer TokensIn(Tensor x_BLD) => TokenBuffers.Of(x_BLD, kernels.DeviceIndex);

    private ModulationBuffer Part(Tensor modulation_BE, int part, Tensor x_BLD) =>
        TokenBuffers.Part(modulation_BE, part, x_BLD.size(2), kernels.DeviceIndex);

    private void* Pointer(Tensor tensor) => (void*)TensorPointer.Of(tensor, kernels.DeviceIndex);
}
