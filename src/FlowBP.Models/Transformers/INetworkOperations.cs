// What transformers are written in. An embedding, a block, a head say once what they compute, over a type T and the operations below;
// who runs them chooses T: tensors with autograd (TensorOperations), tensors with fused kernels and no graph (FusedOperations), sizes
// on paper (the trace that a plan is made of). So the rollout, the pullback and the plan can't drift from each other.
//
// Shapes: B batch, L M N tokens, D width, E width of a projection, P parts of a modulation, H heads, K width of a head.

namespace FlowBP.Models.Transformers;

/// <summary>A stream and the norm that is asked of it; who fuses the norm with what follows leaves it open until then.</summary>
/// <param name="Value">The normalised stream, or the stream itself.</param>
/// <param name="Epsilon">Added to the variance.</param>
public readonly record struct Normed<T>(T Value, double Epsilon)
    where T : class;

/// <summary>Shifts, scales and gates of a block, [B, D] each.</summary>
/// <param name="All">All of them side by side, [B, P·D].</param>
/// <param name="Parts">Each by itself, where the operations want it so; else empty.</param>
public readonly record struct Modulation<T>(T All, IReadOnlyList<T> Parts)
    where T : class;

/// <summary>Where heads come from.</summary>
/// <param name="Projection">A projection of tokens, [B, L, E].</param>
/// <param name="Norm">Normalises each head; null: nothing does.</param>
/// <param name="Column">Where the heads begin in the projection.</param>
/// <param name="Width">How wide all of them are together, H·K; null: as the projection.</param>
public readonly record struct HeadSource<T>(T Projection, RmsNorm? Norm, long Column = 0, long? Width = null)
    where T : class;

/// <summary>The operations of a transformer.</summary>
/// <typeparam name="T">What stands for a tensor.</typeparam>
public interface INetworkOperations<T>
    where T : class
{
    /// <summary>Begins a scope: what is made in it goes when it is disposed, but for what was <see cref="Keep">kept</see>.</summary>
    IDisposable Scope();

    /// <summary>Moves a result out of the innermost scope.</summary>
    T Keep(T x);

    /// <summary>A stream in the memory layout that the operations read.</summary>
    T Contiguous(T x);

    /// <summary>x·Wᵀ + b, and the change of an adapter where there is one.</summary>
    T Linear(Linear layer, T x);

    /// <summary>x·σ(x).</summary>
    T Silu(T x);

    /// <summary>The tanh approximation of GELU.</summary>
    T GeluTanh(T x);

    /// <summary>The SiLU of the first half of the columns times the second.</summary>
    T SwiGlu(T x);

    /// <summary>a + b, of one shape.</summary>
    T Add(T a, T b);

    /// <summary>A vector per sample made of a number per sample, such as the sinusoids of a time.</summary>
    /// <param name="scalar_B">The numbers.</param>
    /// <param name="width">Width of a vector.</param>
    /// <param name="encode">[B, width] from [B].</param>
    T Encoded(T scalar_B, int width, Func<Tensor, Tensor> encode);

    /// <summary>Patches of latents as tokens, plus their positions.</summary>
    /// <param name="layer">A convolution whose stride is its kernel.</param>
    /// <param name="latents_BCYX">The latents.</param>
    /// <param name="positions">[1, Y·X, D] for Y × X patches.</param>
    T Patches(Conv2d layer, T latents_BCYX, Func<long, long, Tensor> positions);

    /// <summary>The same elements in another order.</summary>
    T Reordered(T x, Func<Tensor, Tensor> order);

    /// <summary>Any function to the size of its argument, which its derivative reads.</summary>
    T Mapped(T x, Func<Tensor, Tensor> function);

    /// <summary>Number of tokens, N of [B, N, D].</summary>
    long TokensOf(T x_BND);

    /// <summary>Consecutive tokens.</summary>
    T Tokens(T x_BND, long first, long count);

    /// <summary>Consecutive columns.</summary>
    T Columns(T x_BND, long first, long count);

    /// <summary>Tokens (dimension 1) or columns (dimension 2) one after the other.</summary>
    T Concatenate(T a, T b, int dimension);

    /// <summary>LayerNorm without weights, which a <see cref="Modulated"/> follows.</summary>
    Normed<T> Norm(T x_BLD, double epsilon);

    /// <summary>The parts of a modulation.</summary>
    /// <param name="all_BE">[B, P·D].</param>
    /// <param name="parts">P.</param>
    Modulation<T> Modulation(T all_BE, int parts);

    /// <summary><c>x·(1 + scale) + shift</c>.</summary>
    /// <param name="x">Normalised tokens [B, L, D].</param>
    /// <param name="by">The modulation.</param>
    /// <param name="shift">Which part is the shift.</param>
    /// <param name="scale">Which part is the scale.</param>
    T Modulated(Normed<T> x, Modulation<T> by, int shift, int scale);

    /// <summary><c>stream + gate·update</c>. A stream that this made itself may be overwritten.</summary>
    /// <param name="stream_BLD">Tokens.</param>
    /// <param name="by">The modulation.</param>
    /// <param name="gate">Which part is the gate.</param>
    /// <param name="update_BLD">What is added.</param>
    T Gated(T stream_BLD, Modulation<T> by, int gate, T update_BLD);

    /// <summary>Heads of the tokens of one or more streams, one stream after the other.</summary>
    /// <param name="sources">The streams' projections.</param>
    /// <param name="heads">H.</param>
    /// <param name="turns">Whether they are queries or keys, which the positions turn where the network has rotary ones.</param>
    /// <returns>[B, H, N, K].</returns>
    T Heads(ReadOnlySpan<HeadSource<T>> sources, int heads, bool turns);

    /// <summary>softmax(q·kᵀ/√K)·v.</summary>
    /// <param name="q_BHNK">Queries.</param>
    /// <param name="k_BHNK">Keys.</param>
    /// <param name="v_BHNK">Values.</param>
    /// <param name="heads">H.</param>
    /// <returns>[B, N, H·K].</returns>
    T Attention(T q_BHNK, T k_BHNK, T v_BHNK, int heads);
}
