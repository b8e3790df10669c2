using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>How a loss combines its elements; the numbers are libtorch's.</summary>
public enum Reduction
{
    /// <summary>Not at all.</summary>
    None = 0,

    /// <summary>Their mean.</summary>
    Mean = 1,

    /// <summary>Their sum.</summary>
    Sum = 2,
}

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>Layers without state.</summary>
        public static class functional
        {
            /// <summary>x·Wᵀ + b.</summary>
            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) =>
                Aten.linear.Call(input, weights, bias);

            /// <summary>Two-dimensional convolution of [B, C, H, W].</summary>
            public static Tensor conv2d(
                Tensor input,
                Tensor weight,
                Tensor? bias = null,
                long[]? strides = null,
                long[]? padding = null,
                long[]? dilation = null,
                long groups = 1
            ) =>
                Aten.conv2d.Call(input, weight, bias, strides ?? [1, 1], padding ?? [0, 0], dilation ?? [1, 1], groups);

            /// <summary>(x − mean) / √(var + eps) over the last axes, scaled and shifted.</summary>
            public static Tensor layer_norm(
                Tensor input,
                long[] normalized_shape,
                Tensor? weight = null,
                Tensor? bias = null,
                double eps = 1e-05
            ) => Aten.layer_norm.Call(input, normalized_shape, weight, bias, eps);

            /// <summary>The same over groups of channels.</summary>
            public static Tensor group_norm(
                Tensor input,
                long num_groups,
                Tensor? weight = null,
                Tensor? bias = null,
                double eps = 1e-05
            ) => Aten.group_norm.Call(input, num_groups, weight, bias, eps);

            /// <summary>Rows of a table by int64 indices.</summary>
            public static Tensor embedding(Tensor x, Tensor weight) => Aten.embedding.Call(weight, x);

            /// <summary>x·sigmoid(x).</summary>
            public static Tensor silu(Tensor x, bool inplace = false) =>
                inplace ? Aten.silu_.CallInPlace(x, x) : Aten.silu.Call(x);

            /// <summary>x·Φ(x).</summary>
            public static Tensor gelu(Tensor x) => Aten.gelu.Call(x);

            /// <summary>x·Φ(x), or its tanh approximation.</summary>
            public static Tensor gelu(Tensor x, Modules.GELU.Approximate approximate) =>
                Aten.gelu.Call(x, approximate == Modules.GELU.Approximate.tanh ? "tanh" : "none");

            /// <summary>max(0, x).</summary>
            public static Tensor relu(Tensor x, bool inplace = false) => inplace ? x.relu_() : x.relu();

            /// <summary>Hyperbolic tangent.</summary>
            public static Tensor tanh(Tensor x) => x.tanh();

            /// <summary>1/(1 + e⁻ˣ).</summary>
            public static Tensor sigmoid(Tensor x) => x.sigmoid();

            /// <summary>ln(1 + eˣ).</summary>
            public static Tensor softplus(Tensor x) => Aten.softplus.Call(x);

            /// <summary>eˣ / Σ eˣ along an axis.</summary>
            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

            /// <summary>x − ln Σ eˣ along an axis.</summary>
            public static Tensor log_softmax(Tensor input, long dim, ScalarType? dtype = null) =>
                input.log_softmax(dim, dtype);

            /// <summary>x / max(‖x‖ₚ, eps) along an axis.</summary>
            public static Tensor normalize(Tensor input, double p = 2.0, long dim = 1, double eps = 1e-12)
            {
                using DisposeScope scope = NewDisposeScope();
                Tensor norm = input.norm((int)dim, keepdim: true, (float)p).clamp_min(eps);
                return (input / norm).MoveToOuterDisposeScope();
            }

            /// <summary>Pads the last axes: (left, right) of the last, then of the one before, …</summary>
            public static Tensor pad(Tensor input, long[] padding, double value = 0) =>
                Aten.constant_pad_nd.Call(input, padding, (Scalar)value);

            /// <summary>[B, C, H, W] enlarged by repeating pixels.</summary>
            public static Tensor upsample_nearest2d(
                Tensor x,
                long[]? output_size = null,
                double[]? scale_factor = null
            ) => Aten.upsample_nearest2d.Call(x, output_size, scale_factor);

            /// <summary>Means over windows of [B, C, H, W].</summary>
            public static Tensor avg_pool2d(Tensor input, long[] kernel_size, long[]? strides = null) =>
                Aten.avg_pool2d.Call(input, kernel_size, strides ?? kernel_size);

            /// <summary>Means over [B, C, H, W] that leave a given size.</summary>
            public static Tensor adaptive_avg_pool2d(Tensor input, long[] output_size) =>
                Aten.adaptive_avg_pool2d.Call(input, output_size);

            /// <summary>−ln softmax(input)[target], for classes along axis 1.</summary>
            public static Tensor cross_entropy(
                Tensor input,
                Tensor target,
                Tensor? weight = null,
                long ignore_index = -100L,
                Reduction reduction = Reduction.Mean,
                double label_smoothing = 0
            ) => Aten.cross_entropy_loss.Call(input, target, weight, (long)reduction, ignore_index, label_smoothing);

            /// <summary>(input − target)².</summary>
            public static Tensor mse_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) =>
                Aten.mse_loss.Call(input, target, (long)reduction);

            /// <summary>|input − target|.</summary>
            public static Tensor l1_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) =>
                Aten.l1_loss.Call(input, target, (long)reduction);

            /// <summary>Cross entropy of a probability given as logit.</summary>
            public static Tensor binary_cross_entropy_with_logits(
                Tensor input,
                Tensor target,
                Tensor? weight = null,
                Reduction reduction = Reduction.Mean,
                Tensor? pos_weights = null
            ) => Aten.binary_cross_entropy_with_logits.Call(input, target, weight, pos_weights, (long)reduction);

            /// <summary>
            /// softmax(q·kᵀ/√d + mask)·v over the last two axes ([…, L, D]). The dispatcher's fused operator where this
            /// libtorch has it, the composition otherwise.
            /// </summary>
            /// <param name="query">[…, L, D].</param>
            /// <param name="key">[…, S, D].</param>
            /// <param name="value">[…, S, D].</param>
            /// <param name="attn_mask">Added to the scores, or a boolean mask of the places that take part.</param>
            /// <param name="p">Dropout; only 0 is supported.</param>
            /// <param name="is_casual">Each place sees itself and those before it (TorchSharp's spelling).</param>
            public static Tensor scaled_dot_product_attention(
                Tensor query,
                Tensor key,
                Tensor value,
                Tensor? attn_mask = null,
                double p = 0.0,
                bool is_casual = false
            )
            {
                if (p != 0)
                {
                    throw new NotSupportedException("attention dropout");
                }

                if (Aten.scaled_dot_product_attention.IsAvailable)
                {
                    return Aten.scaled_dot_product_attention.Call(query, key, value, attn_mask, p, is_casual);
                }

                using DisposeScope scope = NewDisposeScope();
                Tensor scores = (query * (1 / Math.Sqrt(query.size(-1)))).matmul(key.transpose(-2, -1));
                if (is_casual)
                {
                    using Tensor later = ones([query.size(-2), key.size(-2)], ScalarType.Bool, query.device).triu(1);
                    scores = scores.masked_fill(later, double.NegativeInfinity);
                }

                if (attn_mask is not null)
                {
                    scores =
                        attn_mask.dtype == ScalarType.Bool
                            ? scores.masked_fill(attn_mask.logical_not(), double.NegativeInfinity)
                            : scores + attn_mask;
                }

                return scores.softmax(-1).matmul(value).MoveToOuterDisposeScope();
            }
        }
    }
}
