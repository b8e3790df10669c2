using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

public static partial class torch
{
    // Sums, extremes, norms, order.
    public partial class Tensor
    {
        /// <summary>The sum of all elements.</summary>
        public Tensor sum(ScalarType? type = null) => Aten.sum.Call(this, type);

        /// <summary>The sum along an axis.</summary>
        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) => sum([dim], keepdim, type);

        /// <summary>The sum along axes.</summary>
        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) =>
            Aten.sum_dim.Call(this, dim, keepdim, type);

        /// <summary>The mean of all elements.</summary>
        public Tensor mean() => Aten.mean.Call(this);

        /// <summary>The mean along axes.</summary>
        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
            Aten.mean_dim.Call(this, dimensions, keepdim, type);

        /// <summary>The standard deviation of all elements.</summary>
        public Tensor std(bool unbiased = true) => Aten.std_all.Call(this, unbiased);

        /// <summary>The largest element.</summary>
        public Tensor max() => Aten.max.Call(this);

        /// <summary>The smallest elements along axes.</summary>
        public Tensor amin(params long[] dims) => amin(dims, false);

        /// <summary>The largest elements along axes.</summary>
        public Tensor amax(long[] dims, bool keepdim) => Aten.amax.Call(this, dims, keepdim);

        /// <summary>The smallest elements along axes.</summary>
        public Tensor amin(long[] dims, bool keepdim) => Aten.amin.Call(this, dims, keepdim);

        /// <summary>Whether all elements are nonzero.</summary>
        public Tensor all() => Aten.all.Call(this);

        /// <summary>The p-norm of all elements.</summary>
        public Tensor norm(float p = 2.0f) => Aten.norm_all.Call(this, (Scalar)p);

        /// <summary>The p-norm along an axis.</summary>
        public Tensor norm(int dim, bool keepdim = false, float p = 2.0f) =>
            Aten.norm.Call(this, (Scalar)p, new long[] { dim }, keepdim);

        /// <summary>eˣ / Σ eˣ along an axis.</summary>
        public Tensor softmax(long dim, ScalarType? dtype = null) => Aten.softmax.Call(this, dim, dtype);
    }
}
