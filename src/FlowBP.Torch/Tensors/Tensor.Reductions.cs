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

        /// <summary>The variance along axes.</summary>
        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false) =>
            Aten.var.Call(this, dimensions, unbiased, keepdim);

        /// <summary>The variance of all elements.</summary>
        public Tensor var(bool unbiased = true) => Aten.var_all.Call(this, unbiased);

        /// <summary>The standard deviation of all elements.</summary>
        public Tensor std(bool unbiased = true) => Aten.std_all.Call(this, unbiased);

        /// <summary>The standard deviation along axes.</summary>
        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false) =>
            Aten.std.Call(this, dimensions, unbiased, keepdim);

        /// <summary>The largest element.</summary>
        public Tensor max() => Aten.max.Call(this);

        /// <summary>The smallest element.</summary>
        public Tensor min() => Aten.min.Call(this);

        /// <summary>The largest elements along axes.</summary>
        public Tensor amax(long[] dims, bool keepdim = false) => Aten.amax.Call(this, dims, keepdim);

        /// <summary>The smallest elements along axes.</summary>
        public Tensor amin(long[] dims, bool keepdim = false) => Aten.amin.Call(this, dims, keepdim);

        /// <summary>The largest elements along an axis and their positions.</summary>
        public (Tensor values, Tensor indexes) max(long dim, bool keepdim = false) =>
            Pair(Aten.max_dim.CallMany(this, dim, keepdim));

        /// <summary>The smallest elements along an axis and their positions.</summary>
        public (Tensor values, Tensor indexes) min(long dim, bool keepdim = false) =>
            Pair(Aten.min_dim.CallMany(this, dim, keepdim));

        /// <summary>The position of the largest element.</summary>
        public Tensor argmax() => Aten.argmax.Call(this);

        /// <summary>Positions of the largest elements along an axis.</summary>
        public Tensor argmax(long dim, bool keepdim = false) => Aten.argmax.Call(this, dim, keepdim);

        /// <summary>Positions of the smallest elements along an axis.</summary>
        public Tensor argmin(long dim, bool keepdim = false) => Aten.argmin.Call(this, dim, keepdim);

        /// <summary>The order of the elements along an axis.</summary>
        public Tensor argsort(long dim = -1, bool descending = false) => Aten.argsort.Call(this, dim, descending);

        /// <summary>Sorted along an axis, and the order.</summary>
        public (Tensor Values, Tensor Indices) sort(long dim = -1, bool descending = false) =>
            Pair(Aten.sort.CallMany(this, dim, descending));

        /// <summary>The k largest (or smallest) along an axis and their positions.</summary>
        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true) =>
            Pair(Aten.topk.CallMany(this, (long)k, (long)dim, largest, sorted));

        /// <summary>Running sums along an axis.</summary>
        public Tensor cumsum(long dim, ScalarType? type = null) => Aten.cumsum.Call(this, dim, type);

        /// <summary>The product of all elements.</summary>
        public Tensor prod() => Aten.prod.Call(this);

        /// <summary>Whether any element is nonzero.</summary>
        public Tensor any() => Aten.any.Call(this);

        /// <summary>Whether all elements are nonzero.</summary>
        public Tensor all() => Aten.all.Call(this);

        /// <summary>The p-norm of all elements.</summary>
        public Tensor norm(float p = 2.0f) => Aten.norm_all.Call(this, (Scalar)p);

        /// <summary>The p-norm along an axis.</summary>
        public Tensor norm(int dim, bool keepdim = false, float p = 2.0f) =>
            Aten.norm.Call(this, (Scalar)p, new long[] { dim }, keepdim);

        /// <summary>ln Σ eˣ along an axis.</summary>
        public Tensor logsumexp(long dim, bool keepdim = false) =>
            Aten.logsumexp.Call(this, new long[] { dim }, keepdim);

        /// <summary>eˣ / Σ eˣ along an axis.</summary>
        public Tensor softmax(long dim, ScalarType? dtype = null) => Aten.softmax.Call(this, dim, dtype);

        /// <summary>x − ln Σ eˣ along an axis.</summary>
        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Aten.log_softmax.Call(this, dim, dtype);

        /// <summary>Whether all elements are close: |a − b| ≤ atol + rtol·|b|.</summary>
        public bool allclose(Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) =>
            Aten.allclose.CallValue(this, target, rtol, atol, equal_nan).Bits != 0;

        /// <summary>Whether shapes and all elements are equal.</summary>
        public bool equal(Tensor target) => Aten.equal.CallValue(this, target).Bits != 0;

        private static (Tensor, Tensor) Pair(Tensor?[] results) => (results[0]!, results[1]!);
    }
}
