// One block of the joint transformer: modulated norms, one attention over both streams, an optional second attention
// over the image alone, an MLP per stream. The last block updates the image only.
//
// Shapes: B batch, L image tokens, M text tokens, D width.

using FlowBP.Models.Layers;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.SD3;

/// <summary>A joint block: image and text streams in, image and (but for the last block) text streams out.</summary>
public sealed class JointTransformerBlock : nn.Module<SD3Streams, Tensor, SD3Streams>
{
    private const double NormEps = 1e-6;

    private readonly AdaLayerNormZero norm1;
    private readonly nn.Module norm1_context;
    private readonly JointAttention attn;
    private readonly JointAttention? attn2;
    private readonly FeedForward ff;
    private readonly FeedForward? ff_context;
    private readonly bool contextPreOnly;
    private readonly long width;

    internal JointTransformerBlock(SD3TransformerConfig config, int layer)
        : base(nameof(JointTransformerBlock))
    {
        width = config.InnerDim;
        contextPreOnly = layer == config.NumLayers - 1;
        var dual = config.DualAttentionLayers.Contains(layer);
        norm1 = new AdaLayerNormZero(config.InnerDim, dual ? 9 : 6);
        norm1_context = contextPreOnly
            ? new AdaLayerNormContinuous(config.InnerDim)
            : new AdaLayerNormZero(config.InnerDim, 6);
        var shape = new AttentionShape(config.InnerDim, config.NumAttentionHeads, config.QkNorm);
        attn = new JointAttention(shape, contextPreOnly ? ContextRole.KeysOnly : ContextRole.Full);
        attn2 = dual ? new JointAttention(shape, ContextRole.None) : null;
        ff = new FeedForward(config.InnerDim);
        ff_context = contextPreOnly ? null : new FeedForward(config.InnerDim);
        RegisterComponents();
    }

    /// <summary>Operations for the path without gradients; null: the same path as with them.</summary>
    internal FusedTokens? Fused { get; set; }

    /// <summary>Applies the block.</summary>
    /// <param name="streams">Image [B, L, D] and text [B, M, D].</param>
    /// <param name="condition_BD">Modulation.</param>
    public override SD3Streams forward(SD3Streams streams, Tensor condition_BD)
    {
        using var scope = torch.NewDisposeScope();
        var hidden_BLD = streams.Hidden;
        var context_BMD =
            streams.Context ?? throw new ArgumentException("a block needs a text stream", nameof(streams));
        if (Fused is { } fused && fused.Serves(hidden_BLD))
        {
            return Rollout(fused, hidden_BLD.contiguous(), context_BMD.contiguous(), condition_BD);
        }

        var mod = norm1.Modulation(condition_BD);
        var normed_BLD = Normalized(hidden_BLD);
        var contextMod = (norm1_context as AdaLayerNormZero)?.Modulation(condition_BD);
        var contextIn_BMD = contextMod is null
            ? ((AdaLayerNormContinuous)norm1_context).call(context_BMD, condition_BD)
            : Modulate(Normalized(context_BMD), contextMod[0], contextMod[1]);

        var (image_BLD, text_BMD) = attn.call(Modulate(normed_BLD, mod[0], mod[1]), contextIn_BMD, null);
        hidden_BLD = hidden_BLD + mod[2] * image_BLD;
        if (attn2 is not null)
        {
            hidden_BLD = hidden_BLD + mod[8] * attn2.call(Modulate(normed_BLD, mod[6], mod[7]), null, null).Image;
        }
        hidden_BLD = hidden_BLD + mod[5] * ff.call(Modulate(Normalized(hidden_BLD), mod[3], mod[4]));
        hidden_BLD = hidden_BLD.MoveToOuterDisposeScope();
        if (contextMod is null)
        {
            return new SD3Streams(hidden_BLD, null);
        }

        context_BMD = context_BMD + contextMod[2] * text_BMD!;
        var update_BMD = ff_context!.call(Modulate(Normalized(context_BMD), contextMod[3], contextMod[4]));
        context_BMD = context_BMD + contextMod[5] * update_BMD;
        return new SD3Streams(hidden_BLD, context_BMD.MoveToOuterDisposeScope());
    }

    // The same with fused operations, in the scope of the path above. The parts of a modulation are that path's, too.
    private SD3Streams Rollout(FusedTokens fused, Tensor hidden_BLD, Tensor context_BMD, Tensor condition_BD)
    {
        var mod_BE = norm1.call(condition_BD);
        var contextMod_BE = (norm1_context as AdaLayerNormZero)?.call(condition_BD);
        var contextIn_BMD = contextMod_BE is null
            ? ((AdaLayerNormContinuous)norm1_context).Rollout(fused, context_BMD, condition_BD)
            : fused.Modulate(context_BMD, contextMod_BE, shift: 0, scale: 1, NormEps);

        var (image_BLD, text_BMD) = attn.Rollout(
            fused,
            fused.Modulate(hidden_BLD, mod_BE, shift: 0, scale: 1, NormEps),
            contextIn_BMD,
            null
        );
        var next_BLD = torch.empty_like(hidden_BLD);
        fused.AddGated(hidden_BLD, mod_BE, gate: 2, image_BLD, next_BLD);
        if (attn2 is not null)
        {
            var alone_BLD = fused.Modulate(hidden_BLD, mod_BE, shift: 6, scale: 7, NormEps);
            fused.AddGated(next_BLD, mod_BE, gate: 8, attn2.Rollout(fused, alone_BLD, null, null).Image, next_BLD);
        }
        var update_BLD = ff.call(fused.Modulate(next_BLD, mod_BE, shift: 3, scale: 4, NormEps));
        fused.AddGated(next_BLD, mod_BE, gate: 5, update_BLD, next_BLD);
        next_BLD = next_BLD.MoveToOuterDisposeScope();
        if (contextMod_BE is null)
        {
            return new SD3Streams(next_BLD, null);
        }

        var nextContext_BMD = torch.empty_like(context_BMD);
        fused.AddGated(context_BMD, contextMod_BE, gate: 2, text_BMD!, nextContext_BMD);
        var update_BMD = ff_context!.call(fused.Modulate(nextContext_BMD, contextMod_BE, shift: 3, scale: 4, NormEps));
        fused.AddGated(nextContext_BMD, contextMod_BE, gate: 5, update_BMD, nextContext_BMD);
        return new SD3Streams(next_BLD, nextContext_BMD.MoveToOuterDisposeScope());
    }

    private Tensor Normalized(Tensor x_BLD) => F.layer_norm(x_BLD, [width], eps: NormEps);

    private static Tensor Modulate(Tensor x_BLD, Tensor shift_B1D, Tensor scale_B1D) =>
        x_BLD * (scale_B1D + 1) + shift_B1D;
}

/// <summary>The modulations of one block's stream: shift, scale and gate, for attention, MLP and second attention.</summary>
internal sealed class AdaLayerNormZero : nn.Module<Tensor, Tensor>
{
    private readonly Linear linear;
    private readonly int parts;

    public AdaLayerNormZero(int width, int parts)
        : base(nameof(AdaLayerNormZero))
    {
        this.parts = parts;
        linear = nn.Linear(width, parts * width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor condition_BD) => linear.call(F.silu(condition_BD));

    /// <summary>The parts, each [B, 1, D].</summary>
    public Tensor[] Modulation(Tensor condition_BD) => call(condition_BD).unsqueeze(1).chunk(parts, -1);
}

/// <summary>Layer normalisation with scale and shift (in this order) from the condition.</summary>
internal sealed class AdaLayerNormContinuous : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear linear;
    private readonly long width;
    private readonly double epsilon;

    public AdaLayerNormContinuous(int width, bool bias = true, double epsilon = 1e-6)
        : base(nameof(AdaLayerNormContinuous))
    {
        this.width = width;
        this.epsilon = epsilon;
        linear = nn.Linear(width, 2 * width, hasBias: bias);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD, Tensor condition_BD)
    {
        var mod_B1D = linear.call(F.silu(condition_BD)).unsqueeze(1).chunk(2, -1);
        return F.layer_norm(x_BLD, [width], eps: epsilon) * (mod_B1D[0] + 1) + mod_B1D[1];
    }

    /// <summary>The same with fused operations.</summary>
    public Tensor Rollout(FusedTokens fused, Tensor x_BLD, Tensor condition_BD) =>
        fused.Modulate(x_BLD, linear.call(F.silu(condition_BD)), shift: 1, scale: 0, epsilon);
}

/// <summary>Linear, tanh-GELU, linear; four times as wide inside.</summary>
internal sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> net;

    public FeedForward(int width)
        : base(nameof(FeedForward))
    {
        // The middle entry is dropout in training code; it holds the place so that the names count right.
        net = new ModuleList<nn.Module<Tensor, Tensor>>(
            new GeluProjection(width, 4 * width),
            nn.Identity(),
            nn.Linear(4 * width, width)
        );
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD) => net[2].call(net[0].call(x_BLD));
}

internal sealed class GeluProjection : nn.Module<Tensor, Tensor>
{
    private readonly Linear proj;

    public GeluProjection(int width, int hidden)
        : base(nameof(GeluProjection))
    {
        proj = nn.Linear(width, hidden);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BLD) => Activations.GeluTanh(proj.call(x_BLD));
}
