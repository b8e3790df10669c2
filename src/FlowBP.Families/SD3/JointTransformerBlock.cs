// One block of the joint transformer: modulated norms, one attention over both streams, an optional second attention
// over the image alone, an MLP per stream. The last block updates the image only.
//
// Shapes: B batch, L image tokens, M text tokens, D width.

using FlowBP.Families.Networks;
using FlowBP.Models.Transformers;

namespace FlowBP.Families.SD3;

/// <summary>A joint block: image and text streams in, image and (but for the last block) text streams out.</summary>
public sealed class JointTransformerBlock : TransformerBlock
{
    private const double NormEps = 1e-6;

    private readonly AdaLayerNormZero norm1;
    private readonly nn.Module norm1_context;
    private readonly JointAttention attn;
    private readonly JointAttention? attn2;
    private readonly FeedForward ff;
    private readonly FeedForward? ff_context;

    internal JointTransformerBlock(SD3TransformerConfig config, int layer)
        : base(nameof(JointTransformerBlock))
    {
        var isLast = layer == config.NumLayers - 1;
        var isDual = config.DualAttentionLayers.Contains(layer);
        norm1 = new AdaLayerNormZero(config.InnerDim, isDual ? 9 : 6);
        norm1_context = isLast ? new AdaLayerNormContinuous(config.InnerDim) : new AdaLayerNormZero(config.InnerDim, 6);
        var shape = new AttentionShape(config.InnerDim, config.NumAttentionHeads, config.QkNorm);
        attn = new JointAttention(shape, isLast ? ContextRole.KeysOnly : ContextRole.Full);
        attn2 = isDual ? new JointAttention(shape, ContextRole.None) : null;
        ff = new FeedForward(config.InnerDim);
        ff_context = isLast ? null : new FeedForward(config.InnerDim);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override TokenStreams<T> Apply<T>(INetworkOperations<T> ops, TokenStreams<T> streams)
    {
        using var scope = ops.Scope();
        var condition_BD = streams.Shared[0];
        var image_BLD = ops.Contiguous(streams.Image);
        var text_BMD = ops.Contiguous(
            streams.Text ?? throw new ArgumentException("a block needs a text stream", nameof(streams))
        );
        var by = norm1.Of(ops, condition_BD);
        var normed_BLD = ops.Norm(image_BLD, NormEps);
        var textBy = (norm1_context as AdaLayerNormZero)?.Of(ops, condition_BD);
        var textIn_BMD = textBy is { } modulation
            ? ops.Modulated(ops.Norm(text_BMD, NormEps), modulation, shift: 0, scale: 1)
            : ((AdaLayerNormContinuous)norm1_context).Modulated(ops, text_BMD, condition_BD);

        var (seen_BLD, read_BMD) = attn.Attend(ops, ops.Modulated(normed_BLD, by, shift: 0, scale: 1), textIn_BMD);
        image_BLD = ops.Gated(image_BLD, by, gate: 2, seen_BLD);
        if (attn2 is not null)
        {
            var alone_BLD = ops.Modulated(normed_BLD, by, shift: 6, scale: 7);
            image_BLD = ops.Gated(image_BLD, by, gate: 8, attn2.Attend(ops, alone_BLD, null).Image);
        }
        image_BLD = ops.Keep(DoubleStream.WithMlp(ops, image_BLD, by, ff, NormEps));
        if (textBy is not { } textModulation)
        {
            return streams with { Image = image_BLD, Text = null };
        }
        text_BMD = ops.Gated(text_BMD, textModulation, gate: 2, read_BMD!);
        text_BMD = ops.Keep(DoubleStream.WithMlp(ops, text_BMD, textModulation, ff_context!, NormEps));
        return streams with { Image = image_BLD, Text = text_BMD };
    }
}
