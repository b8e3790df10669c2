// Attention over image and text tokens together, each stream with projections of its own: what the double-stream blocks of
// Stable Diffusion 3, FLUX.1 and FLUX.2 have in common. With no text role it is plain self-attention of the image. Image
// tokens come first; attention does not care, and a rotary table in the same order says where each token is.
//
// Shapes: B batch, L image tokens, M text tokens, N tokens of both, D width, E projected width, H heads, K head width.

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

/// <summary>Sizes of an attention layer.</summary>
/// <param name="Width">Width of the residual streams.</param>
/// <param name="Heads">Number of heads; together as wide as the streams.</param>
/// <param name="QkNorm">Whether queries and keys are RMS-normalised per head.</param>
/// <param name="Bias">Whether the projections have biases.</param>
/// <param name="Epsilon">Added to the mean square of a head.</param>
internal sealed record AttentionShape(int Width, int Heads, bool QkNorm = true, bool Bias = true, double Epsilon = 1e-6)
{
    /// <summary>K.</summary>
    public int HeadWidth => Width / Heads;
}

internal sealed class JointAttention : nn.Module<Tensor, Tensor?, RotaryTable?, (Tensor Image, Tensor? Text)>
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

    public JointAttention(AttentionShape shape, ContextRole context)
        : base(nameof(JointAttention))
    {
        heads = shape.Heads;
        norm_q = HeadNorm(shape);
        norm_k = HeadNorm(shape);
        to_q = Projection(shape);
        to_k = Projection(shape);
        to_v = Projection(shape);
        to_out = new ModuleList<Linear>(Projection(shape));
        if (context != ContextRole.None)
        {
            add_q_proj = Projection(shape);
            add_k_proj = Projection(shape);
            add_v_proj = Projection(shape);
            norm_added_q = HeadNorm(shape);
            norm_added_k = HeadNorm(shape);
            to_add_out = context == ContextRole.Full ? Projection(shape) : null;
        }
        RegisterComponents();
    }

    /// <summary>Attends.</summary>
    /// <param name="image_BLD">Image tokens.</param>
    /// <param name="text_BMD">Text tokens; null where there are none.</param>
    /// <param name="rotary_N">Rotations of queries and keys, the image's tokens first; null: none.</param>
    public override (Tensor Image, Tensor? Text) forward(Tensor image_BLD, Tensor? text_BMD, RotaryTable? rotary_N) =>
        Attend(image_BLD, text_BMD, rotary_N, null);

    /// <summary>The same with fused operations, for the path without gradients.</summary>
    public (Tensor Image, Tensor? Text) Rollout(
        FusedTokens fused,
        Tensor image_BLD,
        Tensor? text_BMD,
        RotaryTable? rotary_N
    ) => Attend(image_BLD, text_BMD, rotary_N, fused);

    private (Tensor Image, Tensor? Text) Attend(
        Tensor image_BLD,
        Tensor? text_BMD,
        RotaryTable? rotary_N,
        FusedTokens? fused
    )
    {
        // Image tokens first. Where the text's own result is not used, its queries are not computed.
        var textQueries_BMD = to_add_out is null ? null : text_BMD;
        var queries = (to_q, norm_q, add_q_proj, norm_added_q);
        var keys = (to_k, norm_k, add_k_proj, norm_added_k);
        var q_BHNK = NormedHeads(image_BLD, textQueries_BMD, queries, rotary_N, fused);
        var k_BHNK = NormedHeads(image_BLD, text_BMD, keys, rotary_N, fused);
        var v_BHNK = SplitHeads(to_v.call(image_BLD));
        if (text_BMD is not null)
        {
            v_BHNK = torch.cat([v_BHNK, SplitHeads(add_v_proj!.call(text_BMD))], 2);
        }
        var joint_BND = AttentionHeads.Merge(F.scaled_dot_product_attention(q_BHNK, k_BHNK, v_BHNK));
        if (text_BMD is null || to_add_out is null)
        {
            return (to_out[0].call(joint_BND), null);
        }
        var imageTokens = image_BLD.shape[1];
        var textTokens = text_BMD.shape[1];
        return (
            to_out[0].call(joint_BND.narrow(1, 0, imageTokens)),
            to_add_out.call(joint_BND.narrow(1, imageTokens, textTokens))
        );
    }

    // Queries or keys of the image's tokens, then of the text's.
    private Tensor NormedHeads(
        Tensor image_BLD,
        Tensor? text_BMD,
        (Linear Project, RmsNorm? Norm, Linear? ProjectText, RmsNorm? NormText) layers,
        RotaryTable? rotary_N,
        FusedTokens? fused
    )
    {
        var image_BLE = layers.Project.call(image_BLD);
        var text_BME = text_BMD is null ? null : layers.ProjectText!.call(text_BMD);
        if (fused is null || layers.Norm is null)
        {
            var heads_BHNK = Normed(layers.Norm, SplitHeads(image_BLE));
            if (text_BME is not null)
            {
                heads_BHNK = torch.cat([heads_BHNK, Normed(layers.NormText, SplitHeads(text_BME))], 2);
            }
            return rotary_N is null ? heads_BHNK : rotary_N.Rotate(heads_BHNK);
        }
        var imageTokens = image_BLE.size(1);
        var tokens = imageTokens + (text_BME?.size(1) ?? 0);
        var all_BNE = torch.empty([image_BLE.size(0), tokens, image_BLE.size(2)], image_BLE.dtype, image_BLE.device);
        layers.Norm.Rollout(fused, image_BLE.contiguous(), 0, rotary_N, all_BNE, 0);
        if (text_BME is not null)
        {
            layers.NormText!.Rollout(fused, text_BME.contiguous(), 0, rotary_N, all_BNE, imageTokens);
        }
        return SplitHeads(all_BNE);
    }

    private static Linear Projection(AttentionShape shape) => nn.Linear(shape.Width, shape.Width, hasBias: shape.Bias);

    private static RmsNorm? HeadNorm(AttentionShape shape) =>
        shape.QkNorm ? new RmsNorm(shape.HeadWidth, shape.Epsilon) : null;

    private static Tensor Normed(RmsNorm? norm, Tensor x_BHLK) => norm is null ? x_BHLK : norm.call(x_BHLK);

    private Tensor SplitHeads(Tensor x_BLD) => AttentionHeads.Split(x_BLD, heads);
}

/// <summary>Between a stream's tokens and the heads that look at them.</summary>
internal static class AttentionHeads
{
    /// <summary>[B, L, H·K] as [B, H, L, K].</summary>
    public static Tensor Split(Tensor x_BLD, int heads) =>
        x_BLD.unflatten(2, [heads, x_BLD.shape[2] / heads]).transpose(1, 2);

    /// <summary>[B, H, L, K] as [B, L, H·K].</summary>
    public static Tensor Merge(Tensor x_BHLK) => x_BHLK.transpose(1, 2).flatten(2);
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
        var low = x.dtype is ScalarType.Float16 or ScalarType.BFloat16;
        var wide = low ? x.to_type(ScalarType.Float32) : x;
        var normed = wide * ((wide * wide).mean([-1], keepdim: true) + eps).rsqrt();
        return (low ? normed.to_type(x.dtype) : normed) * weight;
    }

    /// <summary>The same of every head of a projection, turned and written into the tokens of both streams.</summary>
    public void Rollout(
        FusedTokens fused,
        Tensor x_BLE,
        long column,
        RotaryTable? rotary_N,
        Tensor out_BND,
        long first
    ) => fused.NormHeads(x_BLE, column, weight, eps, rotary_N, out_BND, first);
}
