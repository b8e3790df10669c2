// A transformer's operations on tensors, each one that autograd can differentiate.
//
// Shapes: as in INetworkOperations.

using FlowBP.Models.Layers;

namespace FlowBP.Models.Transformers;

/// <summary>Operations with autograd, where it is enabled.</summary>
/// <param name="rotary_N">Rotations of all tokens' queries and keys; null: the network has none.</param>
public class TensorOperations(RotaryTable? rotary_N) : INetworkOperations<Tensor>
{
    /// <summary>Rotations of all tokens' queries and keys; null: the network has none.</summary>
    protected RotaryTable? Rotary_N { get; } = rotary_N;

    /// <inheritdoc/>
    public IDisposable Scope() => torch.NewDisposeScope();

    /// <inheritdoc/>
    public Tensor Keep(Tensor x) => x.MoveToOuterDisposeScope();

    /// <inheritdoc/>
    public virtual Tensor Contiguous(Tensor x) => x;

    /// <inheritdoc/>
    public Tensor Linear(Linear layer, Tensor x) => layer.call(x);

    /// <inheritdoc/>
    public Tensor Silu(Tensor x) => F.silu(x);

    /// <inheritdoc/>
    public Tensor GeluTanh(Tensor x) => Activations.GeluTanh(x);

    /// <inheritdoc/>
    public Tensor SwiGlu(Tensor x)
    {
        var halves = x.chunk(2, -1);
        return F.silu(halves[0]) * halves[1];
    }

    /// <inheritdoc/>
    public Tensor Add(Tensor a, Tensor b) => a + b;

    /// <inheritdoc/>
    public Tensor Encoded(Tensor scalar_B, int width, Func<Tensor, Tensor> encode) => encode(scalar_B);

    /// <inheritdoc/>
    public Tensor Patches(Conv2d layer, Tensor latents_BCYX, Func<long, long, Tensor> positions)
    {
        var patches_BDYX = layer.call(latents_BCYX);
        var position_1LD = positions(patches_BDYX.shape[2], patches_BDYX.shape[3]);
        return patches_BDYX.flatten(2).transpose(1, 2) + position_1LD;
    }

    /// <inheritdoc/>
    public Tensor Reordered(Tensor x, Func<Tensor, Tensor> order) => order(x);

    /// <inheritdoc/>
    public Tensor Mapped(Tensor x, Func<Tensor, Tensor> function) => function(x);

    /// <inheritdoc/>
    public long TokensOf(Tensor x_BND) => x_BND.size(1);

    /// <inheritdoc/>
    public Tensor Tokens(Tensor x_BND, long first, long count) => x_BND.narrow(1, first, count);

    /// <inheritdoc/>
    public Tensor Columns(Tensor x_BND, long first, long count) => x_BND.narrow(2, first, count);

    /// <inheritdoc/>
    public Tensor Concatenate(Tensor a, Tensor b, int dimension) => torch.cat([a, b], dimension);

    /// <inheritdoc/>
    public virtual Normed<Tensor> Norm(Tensor x_BLD, double epsilon) =>
        new(F.layer_norm(x_BLD, [x_BLD.size(2)], eps: epsilon), epsilon);

    /// <inheritdoc/>
    public virtual Modulation<Tensor> Modulation(Tensor all_BE, int parts) =>
        new(all_BE, all_BE.unsqueeze(1).chunk(parts, -1));

    /// <inheritdoc/>
    public virtual Tensor Modulated(Normed<Tensor> x, Modulation<Tensor> by, int shift, int scale) =>
        x.Value * (by.Parts[scale] + 1) + by.Parts[shift];

    /// <inheritdoc/>
    public virtual Tensor Gated(Tensor stream_BLD, Modulation<Tensor> by, int gate, Tensor update_BLD) =>
        stream_BLD + by.Parts[gate] * update_BLD;

    /// <inheritdoc/>
    public virtual Tensor Heads(ReadOnlySpan<HeadSource<Tensor>> sources, int heads, bool turns)
    {
        var parts_BHLK = new Tensor[sources.Length];
        for (var i = 0; i < parts_BHLK.Length; i++)
        {
            var (projection_BLE, norm, column, width) = sources[i];
            var split_BHLK = SplitHeads(
                width is { } part ? Columns(projection_BLE, column, part) : projection_BLE,
                heads
            );
            parts_BHLK[i] = norm is null ? split_BHLK : norm.call(split_BHLK);
        }
        var all_BHNK = parts_BHLK.Length == 1 ? parts_BHLK[0] : torch.cat(parts_BHLK, 2);
        return turns && Rotary_N is not null ? Rotary_N.Rotate(all_BHNK) : all_BHNK;
    }

    /// <inheritdoc/>
    public Tensor Attention(Tensor q_BHNK, Tensor k_BHNK, Tensor v_BHNK, int heads) =>
        F.scaled_dot_product_attention(q_BHNK, k_BHNK, v_BHNK).transpose(1, 2).flatten(2);

    /// <summary>[B, L, H·K] as [B, H, L, K].</summary>
    protected static Tensor SplitHeads(Tensor x_BLD, int heads) =>
        x_BLD.unflatten(2, [heads, x_BLD.size(2) / heads]).transpose(1, 2);
}
