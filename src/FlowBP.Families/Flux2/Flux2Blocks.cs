// The two kinds of block of FLUX.2. They differ from FLUX.1's in what they share: the modulation comes from outside, the same
// for all blocks of a kind, and nothing has a bias. MLPs are gated (SwiGLU). In a single-stream block attention and MLP are one
// layer: one projection in, one projection out.
//
// What the blocks share: the vector of the time, which the head reads, and the modulations made of it, of the image [B, 6·D] and the
// text [B, 6·D] in double-stream blocks, and of all tokens [B, 3·D] in single-stream ones.
//
// Shapes: B batch, L image tokens, M text tokens, N tokens of both, D width, E MLP width, H heads, K head width.

using FlowBP.Families.Networks;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.Flux2;

/// <summary>A double-stream block.</summary>
public sealed class Flux2TransformerBlock : TransformerBlock
{
    private readonly JointAttention attn;
    private readonly GatedFeedForward ff;
    private readonly GatedFeedForward ff_context;
    private readonly double epsilon;

    internal Flux2TransformerBlock(Flux2TransformerConfig config)
        : base(nameof(Flux2TransformerBlock))
    {
        epsilon = config.Eps;
        attn = new JointAttention(
            new AttentionShape(config.InnerDim, config.NumAttentionHeads, Bias: false, Epsilon: config.Eps),
            ContextRole.Full
        );
        ff = new GatedFeedForward(config.InnerDim, config.MlpDim);
        ff_context = new GatedFeedForward(config.InnerDim, config.MlpDim);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override TokenStreams<T> Apply<T>(INetworkOperations<T> ops, TokenStreams<T> streams)
    {
        using var scope = ops.Scope();
        var by = ops.Modulation(streams.Shared[1], 6);
        var textBy = ops.Modulation(streams.Shared[2], 6);
        return DoubleStream.Apply(ops, streams, by, textBy, attn, (ff, ff_context), epsilon);
    }
}

/// <summary>A single-stream block.</summary>
public sealed class Flux2SingleTransformerBlock : TransformerBlock
{
    private readonly ParallelAttention attn;
    private readonly double epsilon;

    internal Flux2SingleTransformerBlock(Flux2TransformerConfig config)
        : base(nameof(Flux2SingleTransformerBlock))
    {
        epsilon = config.Eps;
        attn = new ParallelAttention(config);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override TokenStreams<T> Apply<T>(INetworkOperations<T> ops, TokenStreams<T> streams)
    {
        using var scope = ops.Scope();
        var all_BND = ops.Contiguous(DoubleStream.Joined(ops, streams));
        var by = ops.Modulation(streams.Shared[3], 3);
        var update_BND = attn.Apply(ops, ops.Modulated(ops.Norm(all_BND, epsilon), by, shift: 0, scale: 1));
        return streams with { Image = ops.Keep(ops.Gated(all_BND, by, gate: 2, update_BND)), Text = null };
    }
}

/// <summary>Attention and gated MLP in parallel, their projections fused.</summary>
internal sealed class ParallelAttention : nn.Module
{
    private readonly Linear to_qkv_mlp_proj;
    private readonly RmsNorm norm_q;
    private readonly RmsNorm norm_k;
    private readonly Linear to_out;
    private readonly int heads;
    private readonly long width;
    private readonly long mlpWidth;

    public ParallelAttention(Flux2TransformerConfig config)
        : base(nameof(ParallelAttention))
    {
        heads = config.NumAttentionHeads;
        width = config.InnerDim;
        mlpWidth = config.MlpDim;
        to_qkv_mlp_proj = nn.Linear(width, 3 * width + 2 * mlpWidth, hasBias: false);
        norm_q = new RmsNorm(config.AttentionHeadDim, config.Eps);
        norm_k = new RmsNorm(config.AttentionHeadDim, config.Eps);
        to_out = nn.Linear(width + mlpWidth, width, hasBias: false);
        RegisterComponents();
    }

    public T Apply<T>(INetworkOperations<T> ops, T x_BND)
        where T : class
    {
        var all_BNX = ops.Linear(to_qkv_mlp_proj, x_BND);
        var q_BHNK = ops.Heads([new(all_BNX, norm_q, 0, width)], heads, turns: true);
        var k_BHNK = ops.Heads([new(all_BNX, norm_k, width, width)], heads, turns: true);
        var v_BHNK = ops.Heads([new(all_BNX, null, 2 * width, width)], heads, turns: false);
        var attended_BND = ops.Attention(q_BHNK, k_BHNK, v_BHNK, heads);
        var mlp_BNE = ops.SwiGlu(ops.Columns(all_BNX, 3 * width, 2 * mlpWidth));
        return ops.Linear(to_out, ops.Concatenate(attended_BND, mlp_BNE, dimension: 2));
    }
}
