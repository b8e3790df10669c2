using System.Globalization;

namespace FlowBP.Torch;

public static partial class torch
{
    /// <summary>Networks: layers, containers, functions.</summary>
    public static partial class nn
    {
        /// <inheritdoc cref="Modules.Linear"/>
        public static Modules.Linear Linear(
            long inputSize,
            long outputSize,
            bool hasBias = true,
            Device? device = null,
            ScalarType? dtype = null
        ) => new(inputSize, outputSize, hasBias, device, dtype);

        /// <inheritdoc cref="Modules.Conv2d"/>
        public static Modules.Conv2d Conv2d(
            long in_channels,
            long out_channels,
            long kernel_size,
            long stride = 1,
            long padding = 0,
            long dilation = 1,
            PaddingModes padding_mode = PaddingModes.Zeros,
            long groups = 1,
            bool bias = true,
            Device? device = null,
            ScalarType? dtype = null
        ) =>
            new(
                in_channels,
                out_channels,
                (kernel_size, kernel_size),
                (stride, stride),
                (padding, padding),
                (dilation, dilation),
                padding_mode,
                groups,
                bias,
                device,
                dtype
            );

        /// <inheritdoc cref="Modules.LayerNorm"/>
        public static Modules.LayerNorm LayerNorm(
            long normalized_shape,
            double eps = 1e-05,
            bool elementwise_affine = true,
            bool bias = true,
            Device? device = null,
            ScalarType? dtype = null
        ) => new([normalized_shape], eps, elementwise_affine, bias, device, dtype);

        /// <inheritdoc cref="Modules.GroupNorm"/>
        public static Modules.GroupNorm GroupNorm(
            long num_groups,
            long num_channels,
            double eps = 1e-05,
            bool affine = true,
            Device? device = null,
            ScalarType? dtype = null
        ) => new(num_groups, num_channels, eps, affine, device, dtype);

        /// <inheritdoc cref="Modules.Embedding"/>
        public static Modules.Embedding Embedding(
            long num_embeddings,
            long embedding_dims,
            long? padding_idx = null,
            Device? device = null,
            ScalarType? dtype = null
        ) => new(num_embeddings, embedding_dims, padding_idx, device, dtype);

        /// <inheritdoc cref="Modules.Dropout"/>
        public static Modules.Dropout Dropout(double p = 0.5) => new(p);

        /// <inheritdoc cref="Modules.SiLU"/>
        public static Modules.SiLU SiLU() => new();

        /// <inheritdoc cref="Modules.Identity"/>
        public static Modules.Identity Identity() => new();

        /// <inheritdoc cref="Modules.Sequential"/>
        public static Modules.Sequential Sequential(params Module<Tensor, Tensor>[] modules) =>
            new(modules.Select((m, i) => (i.ToString(CultureInfo.InvariantCulture), m)));

        /// <inheritdoc cref="Modules.ModuleList{T}"/>
        public static Modules.ModuleList<T> ModuleList<T>(params T[] modules)
            where T : Module => new(modules);

        /// <inheritdoc cref="Modules.Parameter"/>
        public static Modules.Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);

        /// <summary>Helpers of training loops.</summary>
        public static class utils
        {
            /// <summary>
            /// Scales all gradients by min(1, max_norm / (norm + 1e-6)), where norm is the p-norm of all of them together,
            /// and returns the norm before scaling. Gradients of a norm that is not a number are left as they are: the
            /// caller sees the norm and decides.
            /// </summary>
            /// <param name="tensors">Parameters; those without a gradient are left alone.</param>
            /// <param name="max_norm">The largest norm to leave, at least 0.</param>
            /// <param name="norm_type">p; infinity for the largest element.</param>
            /// <exception cref="ArgumentException">A negative norm or p.</exception>
            public static double clip_grad_norm_(
                IEnumerable<Modules.Parameter> tensors,
                double max_norm,
                double norm_type = 2.0
            )
            {
                if (max_norm < 0 || double.IsNaN(max_norm) || norm_type <= 0 || double.IsNaN(norm_type))
                {
                    throw new ArgumentException(
                        $"clipping to {max_norm} in the {norm_type}-norm: needs max_norm ≥ 0, p > 0"
                    );
                }

                using var scope = NewDisposeScope();
                using var mode = no_grad();
                List<Tensor> gradients = [.. tensors.Select(p => p.grad).OfType<Tensor>()];
                if (gradients.Count == 0)
                {
                    return 0;
                }

                // Norms per tensor in its own precision, their norm in double.
                var norm = double.IsPositiveInfinity(norm_type)
                    ? gradients.Max(g => g.abs().max().ToDouble())
                    : Math.Pow(
                        gradients.Sum(g => Math.Pow(g.norm((float)norm_type).ToDouble(), norm_type)),
                        1 / norm_type
                    );
                var factor = max_norm / (norm + 1e-6);
                if (factor < 1)
                {
                    foreach (var gradient in gradients)
                    {
                        gradient.mul_(factor);
                    }
                }

                return norm;
            }
        }
    }
}
