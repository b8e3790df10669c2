using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>How a loss combines its elements; the numbers are libtorch's.</summary>
        public enum Reduction : long
        {
            /// <summary>Not at all.</summary>
            None = 0,

            /// <summary>Their mean.</summary>
            Mean = 1,

            /// <summary>Their sum.</summary>
            Sum = 2,
        }

        /// <summary>Layers without state.</summary>
        public static partial class functional
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
            /// <param name="x">Indices, int64 of any shape.</param>
            /// <param name="weight">[rows, width].</param>
            /// <param name="padding_idx">A row that gets no gradient.</param>
            public static Tensor embedding(Tensor x, Tensor weight, long? padding_idx = null) =>
                Aten.embedding.Call(weight, x, padding_idx ?? -1L);

            /// <summary>x·sigmoid(x).</summary>
            public static Tensor silu(Tensor x, bool inplace = false) =>
                inplace ? Aten.silu_.CallInPlace(x, x) : Aten.silu.Call(x);

            /// <summary>x·Φ(x).</summary>
            public static Tensor gelu(Tensor x) => Aten.gelu.Call(x);

            /// <summary>x·Φ(x), or its tanh approximation.</summary>
            public static Tensor gelu(Tensor x, Modules.GELU.Approximate approximate, bool inplace = false)
            {
                var form = approximate == Modules.GELU.Approximate.tanh ? "tanh" : "none";
                return inplace ? Aten.gelu_.CallInPlace(x, x, form) : Aten.gelu.Call(x, form);
            }

            /// <summary>max(0, x).</summary>
            public static Tensor relu(Tensor x, bool inplace = false) => inplace ? x.relu_() : x.relu();

            /// <summary>Zeros with probability p, the rest divided by 1 − p, in training; x itself otherwise.</summary>
            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) =>
                inplace ? Aten.dropout_.CallInPlace(input, input, p, training) : Aten.dropout.Call(input, p, training);

            /// <summary>(x1·x2)/(‖x1‖·‖x2‖) along an axis, norms at least eps.</summary>
            public static Tensor cosine_similarity(Tensor x1, Tensor x2, long dim = 1, double eps = 1e-8) =>
                Aten.cosine_similarity.Call(x1, x2, dim, eps);

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
            /// <param name="is_casual">
            /// Each place sees itself and those before it (TorchSharp's spelling); not together with a mask.
            /// </param>
            /// <exception cref="ArgumentException">Both a mask and <paramref name="is_casual"/> were given.</exception>
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

                if (is_casual && attn_mask is not null)
                {
                    throw new ArgumentException("attention is causal or takes a mask, not both");
                }

                if (Aten.scaled_dot_product_attention.IsAvailable)
                {
                    return Aten.scaled_dot_product_attention.Call(query, key, value, attn_mask, p, is_casual);
                }

                using var scope = NewDisposeScope();
                var scores = (query * (1 / Math.Sqrt(query.size(-1)))).matmul(key.transpose(-2, -1));
                if (is_casual)
                {
                    var later = ones([query.size(-2), key.size(-2)], ScalarType.Bool, query.device).triu(1);
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
