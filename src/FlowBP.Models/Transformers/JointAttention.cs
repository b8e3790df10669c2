// Attention over image and text tokens together, each stream with projections of its own: what the double-stream blocks of
// Stable Diffusion 3, FLUX.1 and FLUX.2 have in common. With no text role it is plain self-attention of the image. Image
// tokens come first; attention does not care, and rotary positions in the same order say where each token is.
//
// Shapes: B batch, L image tokens, M text tokens, N tokens of both, D width, H heads, K head width.

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

internal sealed class JointAttention : nn.Module
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
    private readonly ModuleList<Linear>? to_out;
    private readonly Linear? to_add_out;
    private readonly int heads;

    /// <summary>Builds the layer.</summary>
    /// <param name="shape">Sizes.</param>
    /// <param name="context">What the text tokens do.</param>
    /// <param name="hasOutput">Whether a projection follows the attention.</param>
    public JointAttention(AttentionShape shape, ContextRole context, bool hasOutput = true)
        : base(nameof(JointAttention))
    {
        heads = shape.Heads;
        norm_q = HeadNorm(shape);
        norm_k = HeadNorm(shape);
        to_q = Projection(shape);
        to_k = Projection(shape);
        to_v = Projection(shape);
        to_out = hasOutput ? new ModuleList<Linear>(Projection(shape)) : null;
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
    /// <param name="ops">What computes.</param>
    /// <param name="image_BLD">Image tokens.</param>
    /// <param name="text_BMD">Text tokens; null where there are none.</param>
    public (T Image, T? Text) Attend<T>(INetworkOperations<T> ops, T image_BLD, T? text_BMD)
        where T : class
    {
        // Where the text's own result is not used, its queries are not computed.
        var asking_BMD = to_add_out is null ? null : text_BMD;
        var q_BHNK = Heads(ops, image_BLD, asking_BMD, (to_q, norm_q, add_q_proj, norm_added_q), turns: true);
        var k_BHNK = Heads(ops, image_BLD, text_BMD, (to_k, norm_k, add_k_proj, norm_added_k), turns: true);
        var v_BHNK = Heads(ops, image_BLD, text_BMD, (to_v, null, add_v_proj, null), turns: false);
        var joint_BND = ops.Attention(q_BHNK, k_BHNK, v_BHNK, heads);
        if (asking_BMD is null)
        {
            return (to_out is null ? joint_BND : ops.Linear(to_out[0], joint_BND), null);
        }
        var imageTokens = ops.TokensOf(image_BLD);
        return (
            ops.Linear(to_out![0], ops.Tokens(joint_BND, 0, imageTokens)),
            ops.Linear(to_add_out!, ops.Tokens(joint_BND, imageTokens, ops.TokensOf(asking_BMD)))
        );
    }

    // Heads of the image's tokens, then of the text's.
    private T Heads<T>(
        INetworkOperations<T> ops,
        T image_BLD,
        T? text_BMD,
        (Linear Project, RmsNorm? Norm, Linear? ProjectText, RmsNorm? NormText) layers,
        bool turns
    )
        where T : class
    {
        var image = new HeadSource<T>(ops.Linear(layers.Project, image_BLD), layers.Norm);
        return text_BMD is null
            ? ops.Heads([image], heads, turns)
            : ops.Heads([image, new(ops.Linear(layers.ProjectText!, text_BMD), layers.NormText)], heads, turns);
    }

    private static Linear Projection(AttentionShape shape) => nn.Linear(shape.Width, shape.Width, hasBias: shape.Bias);

    private static RmsNorm? HeadNorm(AttentionShape shape) =>
        shape.QkNorm ? new RmsNorm(shape.HeadWidth, shape.Epsilon) : null;
}

/// <summary>Root-mean-square normalisation over the last dimension, computed in float32 at least, then scaled.</summary>
public sealed class RmsNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly double eps;

    /// <summary>A norm whose weights are one.</summary>
    /// <param name="width">Elements of the last dimension.</param>
    /// <param name="eps">Added to the mean square.</param>
    public RmsNorm(int width, double eps)
        : base(nameof(RmsNorm))
    {
        this.eps = eps;
        weight = nn.Parameter(torch.ones(width));
        RegisterComponents();
    }

    /// <summary>Weights.</summary>
    internal Parameter Weight_K => weight;

    /// <summary>Added to the mean square.</summary>
    internal double Epsilon => eps;

    /// <inheritdoc/>
    public override Tensor forward(Tensor x)
    {
        var low = x.dtype is ScalarType.Float16 or ScalarType.BFloat16;
        var wide = low ? x.to_type(ScalarType.Float32) : x;
        var normed = wide * ((wide * wide).mean([-1], keepdim: true) + eps).rsqrt();
        return (low ? normed.to_type(x.dtype) : normed) * weight;
    }
}
