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

        /// <summary>The sum along two axes.</summary>
        public Tensor sum(long dim0, long dim1, bool keepdim = false, ScalarType? type = null) =>
            sum([dim0, dim1], keepdim, type);

        /// <summary>The sum along axes.</summary>
        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) =>
            Aten.sum_dim.Call(this, dim, keepdim, type);

        /// <summary>The mean of all elements.</summary>
        public Tensor mean() => Aten.mean.Call(this);

        /// <summary>The mean along axes.</summary>
        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
            Aten.mean_dim.Call(this, dimensions, keepdim, type);

        /// <summary>The variance of all elements.</summary>
        public Tensor var(bool unbiased = true) => Aten.var_all.Call(this, unbiased);

        /// <summary>The variance along an axis.</summary>
        public Tensor var(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            var([dim], unbiased, keepdim, type);

        /// <summary>The variance along axes.</summary>
        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Converted(type, x => Aten.var.Call(x, dimensions, unbiased, keepdim));

        /// <summary>The standard deviation of all elements.</summary>
        public Tensor std(bool unbiased = true) => Aten.std_all.Call(this, unbiased);

        /// <summary>The standard deviation along an axis.</summary>
        public Tensor std(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            std([dim], unbiased, keepdim, type);

        /// <summary>The standard deviation along axes.</summary>
        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Converted(type, x => Aten.std.Call(x, dimensions, unbiased, keepdim));

        /// <summary>The largest element.</summary>
        public Tensor max() => Aten.max.Call(this);

        /// <summary>The smallest element.</summary>
        public Tensor min() => Aten.min.Call(this);

        /// <summary>The larger of two elements.</summary>
        public Tensor max(Tensor other) => maximum(other);

        /// <summary>The smaller of two elements.</summary>
        public Tensor min(Tensor other) => minimum(other);

        /// <summary>The largest elements along axes.</summary>
        public Tensor amax(params long[] dims) => amax(dims, false);

        /// <summary>The smallest elements along axes.</summary>
        public Tensor amin(params long[] dims) => amin(dims, false);

        /// <summary>The largest elements along axes.</summary>
        public Tensor amax(long[] dims, bool keepdim) => Aten.amax.Call(this, dims, keepdim);

        /// <summary>The smallest elements along axes.</summary>
        public Tensor amin(long[] dims, bool keepdim) => Aten.amin.Call(this, dims, keepdim);

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

        /// <summary>The position of the smallest element.</summary>
        public Tensor argmin() => Aten.argmin.Call(this);

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

        /// <summary>Running products along an axis.</summary>
        public Tensor cumprod(long dim, ScalarType? type = null) => Aten.cumprod.Call(this, dim, type);

        /// <summary>Differences of neighbours along an axis, n times over.</summary>
        public Tensor diff(long n = 1, long dim = -1) => Aten.diff.Call(this, n, dim);

        /// <summary>The product of all elements.</summary>
        public Tensor prod(ScalarType? type = null) => Aten.prod.Call(this, type);

        /// <summary>The product along an axis.</summary>
        public Tensor prod(long dim, bool keepdim = false, ScalarType? type = null) =>
            Aten.prod_dim.Call(this, dim, keepdim, type);

        /// <summary>Whether any element is nonzero.</summary>
        public Tensor any() => Aten.any.Call(this);

        /// <summary>Whether any element along an axis is nonzero.</summary>
        public Tensor any(long dim, bool keepdim = false) => Aten.any_dim.Call(this, dim, keepdim);

        /// <summary>Whether all elements are nonzero.</summary>
        public Tensor all() => Aten.all.Call(this);

        /// <summary>Whether all elements along an axis are nonzero.</summary>
        public Tensor all(long dim, bool keepdim = false) => Aten.all_dim.Call(this, dim, keepdim);

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

        /// <summary>Where the elements are close: |a − b| ≤ rtol·|b| + atol.</summary>
        public Tensor isclose(Tensor other, double rtol = 1e-05, double atol = 1e-08, bool nanEqual = false) =>
            Aten.isclose.Call(this, other, rtol, atol, nanEqual);

        // Operators without a dtype argument of their own: the input is converted.
        private Tensor Converted(ScalarType? type, Func<Tensor, Tensor> reduce)
        {
            if (type is not { } wanted || wanted == dtype)
            {
                return reduce(this);
            }

            using Tensor converted = to(wanted);
            return reduce(converted);
        }

        private static (Tensor, Tensor) Pair(Tensor?[] results) => (results[0]!, results[1]!);
    }
}
