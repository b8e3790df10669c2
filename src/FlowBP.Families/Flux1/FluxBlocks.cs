// The two kinds of block of FLUX.1. Double-stream blocks keep weights of their own for image and text, which meet in the
// attention; single-stream blocks treat all tokens alike, with attention and MLP side by side. Every block modulates its
// norms by the same condition vector, through a projection of its own.
//
// Shapes: B batch, L image tokens, M text tokens, N tokens of both, D width, E MLP width.

using FlowBP.Families.Networks;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.Flux1;

/// <summary>A double-stream block.</summary>
public sealed class FluxTransformerBlock : TransformerBlock
{
    /// <summary>Added to the variance of every norm.</summary>
    internal const double Epsilon = 1e-6;

    private readonly AdaLayerNormZero norm1;
    private readonly AdaLayerNormZero norm1_context;
    private readonly JointAttention attn;
    private readonly FeedForward ff;
    private readonly FeedForward ff_context;

    internal FluxTransformerBlock(FluxTransformerConfig config)
        : base(nameof(FluxTransformerBlock))
    {
        var width = config.InnerDim;
        norm1 = new AdaLayerNormZero(width, 6);
        norm1_context = new AdaLayerNormZero(width, 6);
        attn = new JointAttention(new AttentionShape(width, config.NumAttentionHeads), ContextRole.Full);
        ff = new FeedForward(width);
        ff_context = new FeedForward(width);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override TokenStreams<T> Apply<T>(INetworkOperations<T> ops, TokenStreams<T> streams)
    {
        using var scope = ops.Scope();
        var by = norm1.Of(ops, streams.Shared[0]);
        var textBy = norm1_context.Of(ops, streams.Shared[0]);
        return DoubleStream.Apply(ops, streams, by, textBy, attn, (ff, ff_context), Epsilon);
    }
}

/// <summary>A single-stream block: attention and MLP read the same norm, and one projection adds both to the stream.</summary>
public sealed class FluxSingleTransformerBlock : TransformerBlock
{
    private readonly AdaLayerNormZero norm;
    private readonly Linear proj_mlp;
    private readonly Linear proj_out;
    private readonly JointAttention attn;

    internal FluxSingleTransformerBlock(FluxTransformerConfig config)
        : base(nameof(FluxSingleTransformerBlock))
    {
        var width = config.InnerDim;
        norm = new AdaLayerNormZero(width, 3);
        proj_mlp = nn.Linear(width, 4 * width);
        proj_out = nn.Linear(5 * width, width);
        attn = new JointAttention(
            new AttentionShape(width, config.NumAttentionHeads),
            ContextRole.None,
            hasOutput: false
        );
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override TokenStreams<T> Apply<T>(INetworkOperations<T> ops, TokenStreams<T> streams)
    {
        using var scope = ops.Scope();
        var all_BND = ops.Contiguous(DoubleStream.Joined(ops, streams));
        var by = norm.Of(ops, streams.Shared[0]);
        var normed_BND = ops.Modulated(ops.Norm(all_BND, FluxTransformerBlock.Epsilon), by, shift: 0, scale: 1);
        var mlp_BNE = ops.GeluTanh(ops.Linear(proj_mlp, normed_BND));
        var attended_BND = attn.Attend(ops, normed_BND, null).Image;
        var update_BND = ops.Linear(proj_out, ops.Concatenate(attended_BND, mlp_BNE, dimension: 2));
        return streams with { Image = ops.Keep(ops.Gated(all_BND, by, gate: 2, update_BND)), Text = null };
    }
}
