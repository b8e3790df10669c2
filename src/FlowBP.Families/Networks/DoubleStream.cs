// A block of two streams, image and text, with weights of their own that meet in one attention: what Stable Diffusion 3, FLUX.1 and
// FLUX.2 have in common. A modulation has six parts: shift, scale and gate of the attention, then of the MLP.
//
// Shapes: B batch, L image tokens, M text tokens, D width.

using FlowBP.Models.Transformers;

namespace FlowBP.Families.Networks;

/// <summary>Two streams that meet in the attention.</summary>
internal static class DoubleStream
{
    /// <summary>Applies a block, in a scope of the caller's.</summary>
    /// <param name="ops">What computes.</param>
    /// <param name="streams">Image and text, apart.</param>
    /// <param name="by">The image's modulation.</param>
    /// <param name="textBy">The text's.</param>
    /// <param name="attention">The attention.</param>
    /// <param name="mlps">MLP of the image, and of the text.</param>
    /// <param name="epsilon">Added to the variance of every norm.</param>
    /// <exception cref="ArgumentException">There is no text stream.</exception>
    public static TokenStreams<T> Apply<T>(
        INetworkOperations<T> ops,
        TokenStreams<T> streams,
        Modulation<T> by,
        Modulation<T> textBy,
        JointAttention attention,
        (MultiLayerPerceptron Image, MultiLayerPerceptron Text) mlps,
        double epsilon
    )
        where T : class
    {
        var image_BLD = ops.Contiguous(streams.Image);
        var text_BMD = ops.Contiguous(
            streams.Text ?? throw new ArgumentException("a double-stream block needs a text stream", nameof(streams))
        );
        var (seen_BLD, read_BMD) = attention.Attend(
            ops,
            ops.Modulated(ops.Norm(image_BLD, epsilon), by, shift: 0, scale: 1),
            ops.Modulated(ops.Norm(text_BMD, epsilon), textBy, shift: 0, scale: 1)
        );
        image_BLD = WithMlp(ops, ops.Gated(image_BLD, by, gate: 2, seen_BLD), by, mlps.Image, epsilon);
        text_BMD = WithMlp(ops, ops.Gated(text_BMD, textBy, gate: 2, read_BMD!), textBy, mlps.Text, epsilon);
        return streams with { Image = ops.Keep(image_BLD), Text = ops.Keep(text_BMD) };
    }

    /// <summary>A stream and its gated MLP, parts 3 to 5 of the modulation.</summary>
    public static T WithMlp<T>(
        INetworkOperations<T> ops,
        T x_BLD,
        Modulation<T> by,
        MultiLayerPerceptron mlp,
        double epsilon
    )
        where T : class
    {
        var update_BLD = mlp.Apply(ops, ops.Modulated(ops.Norm(x_BLD, epsilon), by, shift: 3, scale: 4));
        return ops.Gated(x_BLD, by, gate: 5, update_BLD);
    }

    /// <summary>All tokens in one stream, the image's first; itself if that has been done.</summary>
    public static T Joined<T>(INetworkOperations<T> ops, TokenStreams<T> streams)
        where T : class =>
        streams.Text is { } text_BMD ? ops.Concatenate(streams.Image, text_BMD, dimension: 1) : streams.Image;
}
