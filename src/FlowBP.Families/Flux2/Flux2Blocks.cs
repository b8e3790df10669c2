// The two kinds of block of FLUX.2. They differ from FLUX.1's in what they share: the modulation comes from outside, the same
// for all blocks of a kind, and nothing has a bias. MLPs are gated (SwiGLU). In a single-stream block attention and MLP are one
// layer: one projection in, one projection out.
//
// Shapes: B batch, L image tokens, M text tokens, N tokens of both, D width, E MLP width, H heads, K head width.

using FlowBP.Families.Flux1;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.Flux2;

/// <summary>What every block of a FLUX.2 transformer receives beside the streams.</summary>
/// <param name="Vector_BD">Time (and guidance), for the head; it has gradients, and so have the three made of it.</param>
/// <param name="Image_BE">Modulation of the image stream in double-stream blocks, [B, 6·D].</param>
/// <param name="Text_BE">Modulation of the text stream in double-stream blocks, [B, 6·D].</param>
/// <param name="Single_BE">Modulation in single-stream blocks, [B, 3·D].</param>
/// <param name="Rotary_N">Where the tokens are, the image's first; without gradients.</param>
public sealed record Flux2Condition(
    Tensor Vector_BD,
    Tensor Image_BE,
    Tensor Text_BE,
    Tensor Single_BE,
    RotaryTable Rotary_N
);

/// <summary>A block of FLUX.2: streams in, streams out.</summary>
/// <param name="name">The kind, for messages.</param>
public abstract class Flux2Block(string name) : nn.Module<FluxStreams, Flux2Condition, FluxStreams>(name)
{
    /// <summary>Operations for the path without gradients; null: the same path as with them.</summary>
    internal FusedTokens? Fused { get; set; }
}

/// <summary>A double-stream block.</summary>
public sealed class Flux2TransformerBlock : Flux2Block
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

    /// <summary>Applies the block.</summary>
    /// <param name="streams">Image and text, apart.</param>
    /// <param name="condition">What modulates, and where the tokens are.</param>
    public override FluxStreams forward(FluxStreams streams, Flux2Condition condition)
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
        var mod = Modulation.Of(condition.Image_BE, 2);
        var contextMod = Modulation.Of(condition.Text_BE, 2);

        var (image_BLD, text_BMD) = attn.call(
            mod[0].Normed(hidden_BLD, epsilon),
            contextMod[0].Normed(context_BMD, epsilon),
            condition.Rotary_N
        );
        hidden_BLD = mod[0].Added(hidden_BLD, image_BLD);
        hidden_BLD = mod[1].Added(hidden_BLD, ff.call(mod[1].Normed(hidden_BLD, epsilon)));
        context_BMD = contextMod[0].Added(context_BMD, text_BMD!);
        context_BMD = contextMod[1].Added(context_BMD, ff_context.call(contextMod[1].Normed(context_BMD, epsilon)));
        return new FluxStreams(hidden_BLD.MoveToOuterDisposeScope(), context_BMD.MoveToOuterDisposeScope());
    }

    // The same with fused operations, in the scope of the path above; what the block received is not written to.
    private FluxStreams Rollout(FusedTokens fused, FluxStreams streams, Flux2Condition condition)
    {
        var hidden_BLD = streams.Hidden.contiguous();
        var context_BMD = streams.Context!.contiguous();
        var mod_BE = condition.Image_BE.contiguous();
        var contextMod_BE = condition.Text_BE.contiguous();
        var (image_BLD, text_BMD) = attn.Rollout(
            fused,
            fused.Modulate(hidden_BLD, mod_BE, shift: 0, scale: 1, epsilon),
            fused.Modulate(context_BMD, contextMod_BE, shift: 0, scale: 1, epsilon),
            condition.Rotary_N
        );
        return new FluxStreams(
            Added(fused, hidden_BLD, mod_BE, image_BLD, ff).MoveToOuterDisposeScope(),
            Added(fused, context_BMD, contextMod_BE, text_BMD!, ff_context).MoveToOuterDisposeScope()
        );
    }

    private Tensor Added(FusedTokens fused, Tensor x_BLD, Tensor mod_BE, Tensor attended_BLD, GatedFeedForward mlp)
    {
        var next_BLD = torch.empty_like(x_BLD);
        fused.AddGated(x_BLD, mod_BE, gate: 2, attended_BLD, next_BLD);
        var update_BLD = mlp.call(fused.Modulate(next_BLD, mod_BE, shift: 3, scale: 4, epsilon));
        fused.AddGated(next_BLD, mod_BE, gate: 5, update_BLD, next_BLD);
        return next_BLD;
    }
}

/// <summary>A single-stream block.</summary>
public sealed class Flux2SingleTransformerBlock : Flux2Block
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

    /// <summary>Applies the block.</summary>
    /// <param name="streams">All tokens; streams that are still apart are joined first.</param>
    /// <param name="condition">What modulates, and where the tokens are.</param>
    public override FluxStreams forward(FluxStreams streams, Flux2Condition condition)
    {
        using var scope = torch.NewDisposeScope();
        var hidden_BND = streams.Joined().Hidden;
        if (Fused is { } fused && fused.Serves(hidden_BND))
        {
            return Rollout(fused, hidden_BND.contiguous(), condition);
        }
        var mod = Modulation.Of(condition.Single_BE, 1)[0];
        var update_BND = attn.call(mod.Normed(hidden_BND, epsilon), condition.Rotary_N);
        return new FluxStreams(mod.Added(hidden_BND, update_BND).MoveToOuterDisposeScope(), null);
    }

    // The same with fused operations, in the scope of the path above.
    private FluxStreams Rollout(FusedTokens fused, Tensor hidden_BND, Flux2Condition condition)
    {
        var mod_BE = condition.Single_BE.contiguous();
        var normed_BND = fused.Modulate(hidden_BND, mod_BE, shift: 0, scale: 1, epsilon);
        var next_BND = torch.empty_like(hidden_BND);
        fused.AddGated(hidden_BND, mod_BE, gate: 2, attn.Rollout(fused, normed_BND, condition.Rotary_N), next_BND);
        return new FluxStreams(next_BND.MoveToOuterDisposeScope(), null);
    }
}

/// <summary>Attention and gated MLP in parallel, their projections fused.</summary>
internal sealed class ParallelAttention : nn.Module<Tensor, RotaryTable, Tensor>
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

    public override Tensor forward(Tensor x_BND, RotaryTable rotary_N)
    {
        var all_BNX = to_qkv_mlp_proj.call(x_BND);
        return Attend(
            rotary_N.Rotate(norm_q.call(Heads(all_BNX, 0))),
            rotary_N.Rotate(norm_k.call(Heads(all_BNX, 1))),
            all_BNX
        );
    }

    /// <summary>The same with fused operations, for the path without gradients.</summary>
    public Tensor Rollout(FusedTokens fused, Tensor x_BND, RotaryTable rotary_N)
    {
        var all_BNX = to_qkv_mlp_proj.call(x_BND).contiguous();
        var q_BND = torch.empty_like(x_BND);
        var k_BND = torch.empty_like(x_BND);
        norm_q.Rollout(fused, all_BNX, 0, rotary_N, q_BND, 0);
        norm_k.Rollout(fused, all_BNX, width, rotary_N, k_BND, 0);
        return Attend(AttentionHeads.Split(q_BND, heads), AttentionHeads.Split(k_BND, heads), all_BNX);
    }

    // Values and MLP are in the projection yet.
    private Tensor Attend(Tensor q_BHNK, Tensor k_BHNK, Tensor all_BNX)
    {
        var attended_BND = AttentionHeads.Merge(F.scaled_dot_product_attention(q_BHNK, k_BHNK, Heads(all_BNX, 2)));
        var mlp_BNE = GatedFeedForward.SwiGlu(all_BNX.narrow(2, 3 * width, 2 * mlpWidth));
        return to_out.call(torch.cat([attended_BND, mlp_BNE], 2));
    }

    private Tensor Heads(Tensor all_BNX, int part) =>
        AttentionHeads.Split(all_BNX.narrow(2, part * width, width), heads);
}

/// <summary>Linear, SwiGLU, linear.</summary>
internal sealed class GatedFeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Linear linear_in;
    private readonly Linear linear_out;

    public GatedFeedForward(int width, int hidden)
        : base(nameof(GatedFeedForward))
    {
        linear_in = nn.Linear(width, 2 * hidden, hasBias: false);
        linear_out = nn.Linear(hidden, width, hasBias: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD) => linear_out.call(SwiGlu(linear_in.call(x_BLD)));

    /// <summary>The SiLU of the first half times the second.</summary>
    public static Tensor SwiGlu(Tensor x)
    {
        var halves = x.chunk(2, -1);
        return F.silu(halves[0]) * halves[1];
    }
}
