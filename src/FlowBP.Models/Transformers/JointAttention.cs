// Attention over image and text tokens together, each stream with projections of its own. With no text role it is
// plain self-attention of the image.
//
// Shapes: B batch, L image tokens, M text tokens, D width, H heads, K head width.

namespace FlowBP.Models.Transformers;

/// <summary>What the text tokens do in an attention layer.</summary>
internal enum ContextRole
{
    /// <summary>There are none.</summary>
    None,

    /// <summary>They are attended to; what they attend to themselves is not used.</summary>
    KeysOnly,

    /// <summary>They attend and are attended to.</summary>
    Full,
}

internal sealed class JointAttention : nn.Module<Tensor, Tensor?, (Tensor Image, Tensor? Text)>
{
    private readonly RmsNorm? norm_q;
    private readonly RmsNorm? norm_k;
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly Linear? add_q_proj;
    private readonly Linear? add_k_proj;
    private readonly Linear? add_v_proj;
    private readonly RmsNorm? norm_added_q;
    private readonly RmsNorm? norm_added_k;
    private readonly ModuleList<Linear> to_out;
    private readonly Linear? to_add_out;
    private readonly int heads;

    public JointAttention(SD3TransformerConfig config, ContextRole context)
        : base(nameof(JointAttention))
    {
        int width = config.InnerDim;
        heads = config.NumAttentionHeads;
        norm_q = HeadNorm(config);
        norm_k = HeadNorm(config);
        to_q = nn.Linear(width, width);
        to_k = nn.Linear(width, width);
        to_v = nn.Linear(width, width);
        to_out = new ModuleList<Linear>(nn.Linear(width, width));
        if (context != ContextRole.None)
        {
            add_q_proj = nn.Linear(width, width);
            add_k_proj = nn.Linear(width, width);
            add_v_proj = nn.Linear(width, width);
            norm_added_q = HeadNorm(config);
            norm_added_k = HeadNorm(config);
            to_add_out = context == ContextRole.Full ? nn.Linear(width, width) : null;
        }
        RegisterComponents();
    }

    public override (Tensor Image, Tensor? Text) forward(Tensor image_BLD, Tensor? text_BMD)
    {
        Tensor q_BHLK = Normed(norm_q, SplitHeads(to_q.call(image_BLD)));
        Tensor k_BHLK = Normed(norm_k, SplitHeads(to_k.call(image_BLD)));
        Tensor v_BHLK = SplitHeads(to_v.call(image_BLD));
        if (text_BMD is null)
        {
            Tensor alone_BLD = MergeHeads(F.scaled_dot_product_attention(q_BHLK, k_BHLK, v_BHLK));
            return (to_out[0].call(alone_BLD), null);
        }

        // Image tokens first. Where the text's own result is not used, its queries are not computed.
        Tensor kText_BHMK = Normed(norm_added_k, SplitHeads(add_k_proj!.call(text_BMD)));
        k_BHLK = torch.cat([k_BHLK, kText_BHMK], 2);
        v_BHLK = torch.cat([v_BHLK, SplitHeads(add_v_proj!.call(text_BMD))], 2);
        if (to_add_out is not null)
        {
            q_BHLK = torch.cat([q_BHLK, Normed(norm_added_q, SplitHeads(add_q_proj!.call(text_BMD)))], 2);
        }
        Tensor joint_BLD = MergeHeads(F.scaled_dot_product_attention(q_BHLK, k_BHLK, v_BHLK));
        if (to_add_out is null)
        {
            return (to_out[0].call(joint_BLD), null);
        }
        long imageTokens = image_BLD.shape[1];
        long textTokens = text_BMD.shape[1];
        return (
            to_out[0].call(joint_BLD.narrow(1, 0, imageTokens)),
            to_add_out.call(joint_BLD.narrow(1, imageTokens, textTokens))
        );
    }

    private static RmsNorm? HeadNorm(SD3TransformerConfig config) =>
        config.QkNorm ? new RmsNorm(config.AttentionHeadDim, 1e-6) : null;

    private static Tensor Normed(RmsNorm? norm, Tensor x_BHLK) => norm is null ? x_BHLK : norm.call(x_BHLK);

    private Tensor SplitHeads(Tensor x_BLD) => x_BLD.unflatten(2, [heads, x_BLD.shape[2] / heads]).transpose(1, 2);

    private static Tensor MergeHeads(Tensor x_BHLK) => x_BHLK.transpose(1, 2).flatten(2);
}

/// <summary>Root-mean-square normalisation over the last dimension, computed in float32 at least, then scaled.</summary>
internal sealed class RmsNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly double eps;

    public RmsNorm(int width, double eps)
        : base(nameof(RmsNorm))
    {
        this.eps = eps;
        weight = nn.Parameter(torch.ones(width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        bool low = x.dtype is ScalarType.Float16 or ScalarType.BFloat16;
        Tensor wide = low ? x.to_type(ScalarType.Float32) : x;
        Tensor normed = wide * ((wide * wide).mean([-1], keepdim: true) + eps).rsqrt();
        return (low ? normed.to_type(x.dtype) : normed) * weight;
    }
}
