// The two kinds of block of FLUX.1. Double-stream blocks keep weights of their own for image and text, which meet in the
// attention; single-stream blocks treat all tokens alike, with attention and MLP side by side. Every block modulates its
// norms by the same condition vector, through a projection of its own.
//
// Shapes: B batch, L image tokens, M text tokens, N tokens of both, D width, E MLP width.

using FlowBP.Families.SD3;
using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.Flux1;

/// <summary>What a block passes to the next.</summary>
/// <param name="Hidden">
/// Image stream [B, L, D]; once the streams are joined, all tokens [B, L + M, D], the image's first.
/// </param>
/// <param name="Context">Text stream [B, M, D]; null once the streams are joined.</param>
public sealed record FluxStreams(Tensor Hidden, Tensor? Context)
{
    /// <summary>All tokens in one stream; itself if that has been done.</summary>
    public FluxStreams Joined() => Context is null ? this : new(torch.cat([Hidden, Context], 1), null);
}

/// <summary>What every block of a FLUX.1 transformer receives beside the streams.</summary>
/// <param name="Vector_BD">Time, guidance and pooled text; it has gradients.</param>
/// <param name="Rotary_N">Where the tokens are, the image's first; it has none.</param>
public sealed record FluxCondition(Tensor Vector_BD, RotaryTable Rotary_N);

/// <summary>A block of FLUX.1: streams in, streams out.</summary>
/// <param name="name">The kind, for messages.</param>
public abstract class FluxBlock(string name) : nn.Module<FluxStreams, FluxCondition, FluxStreams>(name)
{
    /// <summary>Added to the variance of every norm.</summary>
    protected const double Epsilon = 1e-6;

    /// <summary>Operations for the path without gradients; null: the same path as with them.</summary>
    internal FusedTokens? Fused { get; set; }
}

/// <summary>A double-stream block.</summary>
public sealed class FluxTransformerBlock : FluxBlock
{
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

    /// <summary>Applies the block.</summary>
    /// <param name="streams">Image and text, apart.</param>
    /// <param name="condition">What modulates, and where the tokens are.</param>
    public override FluxStreams forward(FluxStreams streams, FluxCondition condition)
    {
        using var scope = torch.NewDisposeScope();
        var hidden_BLD = streams.Hidden;
        var context_BMD =
            streams.Context
            ?? throw new ArgumentException("a double-stream block needs a text stream", nameof(streams));
        if (Fused is { } fused && fused.Serves(hidden_BLD))
        {
            return Rollout(fused, streams, condition);
        }
        var mod = Modulation.Of(norm1.call(condition.Vector_BD), 2);
        var contextMod = Modulation.Of(norm1_context.call(condition.Vector_BD), 2);

        var (image_BLD, text_BMD) = attn.call(
            mod[0].Normed(hidden_BLD, Epsilon),
            contextMod[0].Normed(context_BMD, Epsilon),
            condition.Rotary_N
        );
        hidden_BLD = mod[0].Added(hidden_BLD, image_BLD);
        hidden_BLD = mod[1].Added(hidden_BLD, ff.call(mod[1].Normed(hidden_BLD, Epsilon)));
        context_BMD = contextMod[0].Added(context_BMD, text_BMD!);
        context_BMD = contextMod[1].Added(context_BMD, ff_context.call(contextMod[1].Normed(context_BMD, Epsilon)));
        return new FluxStreams(hidden_BLD.MoveToOuterDisposeScope(), context_BMD.MoveToOuterDisposeScope());
    }

    // The same with fused operations, in the scope of the path above; what the block received is not written to.
    private FluxStreams Rollout(FusedTokens fused, FluxStreams streams, FluxCondition condition)
    {
        var hidden_BLD = streams.Hidden.contiguous();
        var context_BMD = streams.Context!.contiguous();
        var mod_BE = norm1.call(condition.Vector_BD);
        var contextMod_BE = norm1_context.call(condition.Vector_BD);
        var (image_BLD, text_BMD) = attn.Rollout(
            fused,
            fused.Modulate(hidden_BLD, mod_BE, shift: 0, scale: 1, Epsilon),
            fused.Modulate(context_BMD, contextMod_BE, shift: 0, scale: 1, Epsilon),
            condition.Rotary_N
        );
        return new FluxStreams(
            Added(fused, hidden_BLD, mod_BE, image_BLD, ff).MoveToOuterDisposeScope(),
            Added(fused, context_BMD, contextMod_BE, text_BMD!, ff_context).MoveToOuterDisposeScope()
        );
    }

    private static Tensor Added(FusedTokens fused, Tensor x_BLD, Tensor mod_BE, Tensor attended_BLD, FeedForward mlp)
    {
        var next_BLD = torch.empty_like(x_BLD);
        fused.AddGated(x_BLD, mod_BE, gate: 2, attended_BLD, next_BLD);
        var update_BLD = mlp.call(fused.Modulate(next_BLD, mod_BE, shift: 3, scale: 4, Epsilon));
        fused.AddGated(next_BLD, mod_BE, gate: 5, update_BLD, next_BLD);
        return next_BLD;
    }
}

/// <summary>A single-stream block: attention and MLP read the same norm, and one projection adds both to the stream.</summary>
public sealed class FluxSingleTransformerBlock : FluxBlock
{
    private readonly AdaLayerNormZero norm;
    private readonly Linear proj_mlp;
    private readonly Linear proj_out;
    private readonly FluxSingleAttention attn;

    internal FluxSingleTransformerBlock(FluxTransformerConfig config)
        : base(nameof(FluxSingleTransformerBlock))
    {
        var width = config.InnerDim;
        norm = new AdaLayerNormZero(width, 3);
        proj_mlp = nn.Linear(width, 4 * width);
        proj_out = nn.Linear(5 * width, width);
        attn = new FluxSingleAttention(new AttentionShape(width, config.NumAttentionHeads));
        RegisterComponents();
    }

    /// <summary>Applies the block.</summary>
    /// <param name="streams">All tokens; streams that are still apart are joined first.</param>
    /// <param name="condition">What modulates, and where the tokens are.</param>
    public override FluxStreams forward(FluxStreams streams, FluxCondition condition)
    {
        using var scope = torch.NewDisposeScope();
        var hidden_BND = streams.Joined().Hidden;
        if (Fused is { } fused && fused.Serves(hidden_BND))
        {
            return Rollout(fused, hidden_BND.contiguous(), condition);
        }
        var mod = Modulation.Of(norm.call(condition.Vector_BD), 1)[0];
        var normed_BND = mod.Normed(hidden_BND, Epsilon);
        var mlp_BNE = Activations.GeluTanh(proj_mlp.call(normed_BND));
        var attended_BND = attn.call(normed_BND, condition.Rotary_N);
        var update_BND = proj_out.call(torch.cat([attended_BND, mlp_BNE], 2));
        return new FluxStreams(mod.Added(hidden_BND, update_BND).MoveToOuterDisposeScope(), null);
    }

    // The same with fused operations, in the scope of the path above.
    private FluxStreams Rollout(FusedTokens fused, Tensor hidden_BND, FluxCondition condition)
    {
        var mod_BE = norm.call(condition.Vector_BD);
        var normed_BND = fused.Modulate(hidden_BND, mod_BE, shift: 0, scale: 1, Epsilon);
        var mlp_BNE = Activations.GeluTanh(proj_mlp.call(normed_BND));
        var attended_BND = attn.Rollout(fused, normed_BND, condition.Rotary_N);
        var next_BND = torch.empty_like(hidden_BND);
        fused.AddGated(hidden_BND, mod_BE, gate: 2, proj_out.call(torch.cat([attended_BND, mlp_BNE], 2)), next_BND);
        return new FluxStreams(next_BND.MoveToOuterDisposeScope(), null);
    }
}

/// <summary>Attention of a single stream, without a projection of its own after it.</summary>
internal sealed class FluxSingleAttention : nn.Module<Tensor, RotaryTable, Tensor>
{
    private readonly RmsNorm norm_q;
    private readonly RmsNorm norm_k;
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly int heads;

    public FluxSingleAttention(AttentionShape shape)
        : base(nameof(FluxSingleAttention))
    {
        heads = shape.Heads;
        norm_q = new RmsNorm(shape.HeadWidth, shape.Epsilon);
        norm_k = new RmsNorm(shape.HeadWidth, shape.Epsilon);
        to_q = nn.Linear(shape.Width, shape.Width);
        to_k = nn.Linear(shape.Width, shape.Width);
        to_v = nn.Linear(shape.Width, shape.Width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BND, RotaryTable rotary_N)
    {
        var q_BHNK = rotary_N.Rotate(norm_q.call(AttentionHeads.Split(to_q.call(x_BND), heads)));
        var k_BHNK = rotary_N.Rotate(norm_k.call(AttentionHeads.Split(to_k.call(x_BND), heads)));
        var v_BHNK = AttentionHeads.Split(to_v.call(x_BND), heads);
        return AttentionHeads.Merge(F.scaled_dot_product_attention(q_BHNK, k_BHNK, v_BHNK));
    }

    /// <summary>The same with fused operations, for the path without gradients.</summary>
    public Tensor Rollout(FusedTokens fused, Tensor x_BND, RotaryTable rotary_N)
    {
        var q_BND = torch.empty_like(x_BND);
        var k_BND = torch.empty_like(x_BND);
        norm_q.Rollout(fused, to_q.call(x_BND).contiguous(), 0, rotary_N, q_BND, 0);
        norm_k.Rollout(fused, to_k.call(x_BND).contiguous(), 0, rotary_N, k_BND, 0);
        return AttentionHeads.Merge(
            F.scaled_dot_product_attention(
                AttentionHeads.Split(q_BND, heads),
                AttentionHeads.Split(k_BND, heads),
                AttentionHeads.Split(to_v.call(x_BND), heads)
            )
        );
    }
}
