using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

// Functions of several tensors, and the switches of the library.
public static partial class torch
{
    /// <summary>Tensors joined along an existing axis.</summary>
    public static Tensor cat(IList<Tensor> tensors, long dim = 0) =>
        Aten.cat.Call(tensors as Tensor[] ?? [.. tensors], dim);

    /// <summary>Tensors joined along a new axis.</summary>
    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) =>
        Aten.stack.Call(tensors as Tensor[] ?? [.. tensors], dim);

    /// <summary>x where the condition holds, else y.</summary>
    public static Tensor where(Tensor condition, Tensor x, Tensor y) => Aten.where.Call(condition, x, y);

    /// <summary>The matrix product, batched and broadcast.</summary>
    public static Tensor matmul(Tensor input, Tensor target) => input.matmul(target);

    /// <summary>The products of two batches of matrices.</summary>
    public static Tensor bmm(Tensor input, Tensor mat2) => input.bmm(mat2);

    /// <summary>The product of two matrices.</summary>
    public static Tensor mm(Tensor input, Tensor target) => input.mm(target);

    /// <summary>The outer product of two vectors.</summary>
    public static Tensor outer(Tensor input, Tensor vec2) => input.outer(vec2);

    /// <summary>A sum of products in Einstein's notation.</summary>
    public static Tensor einsum(string equation, params Tensor[] tensors) => Aten.einsum.Call(equation, tensors);

    /// <summary>eˣ, element by element.</summary>
    public static Tensor exp(Tensor input) => input.exp();

    /// <summary>Natural logarithm, element by element.</summary>
    public static Tensor log(Tensor input) => input.log();

    /// <summary>Sine, element by element.</summary>
    public static Tensor sin(Tensor input) => input.sin();

    /// <summary>Cosine, element by element.</summary>
    public static Tensor cos(Tensor input) => input.cos();

    /// <summary>Hyperbolic tangent, element by element.</summary>
    public static Tensor tanh(Tensor input) => input.tanh();

    /// <summary>√x, element by element.</summary>
    public static Tensor sqrt(Tensor input) => input.sqrt();

    /// <summary>1/√x, element by element.</summary>
    public static Tensor rsqrt(Tensor input) => input.rsqrt();

    /// <summary>|x|, element by element.</summary>
    public static Tensor abs(Tensor input) => input.abs();

    /// <summary>1/(1 + e⁻ˣ), element by element.</summary>
    public static Tensor sigmoid(Tensor input) => input.sigmoid();

    /// <summary>The larger of two elements.</summary>
    public static Tensor maximum(Tensor input, Tensor other) => input.maximum(other);

    /// <summary>The smaller of two elements.</summary>
    public static Tensor minimum(Tensor input, Tensor other) => input.minimum(other);

    /// <summary>Every element limited to [min, max].</summary>
    public static Tensor clamp(Tensor input, Scalar? min = null, Scalar? max = null) => input.clamp(min, max);

    /// <summary>eˣ / Σ eˣ along an axis.</summary>
    public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

    /// <summary>The sum of all elements.</summary>
    public static Tensor sum(Tensor input, ScalarType? type = null) => input.sum(type);

    /// <summary>The mean of all elements.</summary>
    public static Tensor mean(Tensor input) => input.mean();

    /// <summary>The sum along axes.</summary>
    public static Tensor sum(Tensor input, long[] dim, bool keepdim = false, ScalarType? type = null) =>
        input.sum(dim, keepdim, type);

    /// <summary>The sum along an axis.</summary>
    public static Tensor sum(Tensor input, long dim, bool keepdim = false, ScalarType? type = null) =>
        input.sum(dim, keepdim, type);

    /// <summary>The mean along axes.</summary>
    public static Tensor mean(Tensor input, long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
        input.mean(dimensions, keepdim, type);

    /// <summary>The largest element.</summary>
    public static Tensor max(Tensor input) => input.max();

    /// <summary>The larger of two elements.</summary>
    public static Tensor max(Tensor input, Tensor other) => input.maximum(other);

    /// <summary>The smallest element.</summary>
    public static Tensor min(Tensor input) => input.min();

    /// <summary>The smaller of two elements.</summary>
    public static Tensor min(Tensor input, Tensor other) => input.minimum(other);

    /// <summary>ln Σ eˣ along an axis.</summary>
    public static Tensor logsumexp(Tensor input, long dim, bool keepdim = false) => input.logsumexp(dim, keepdim);

    /// <summary>Self to a power.</summary>
    public static Tensor pow(Tensor input, Scalar exponent) => input.pow(exponent);

    /// <summary>Whether all elements are close.</summary>
    public static bool allclose(
        Tensor input,
        Tensor target,
        double rtol = 1e-05,
        double atol = 1e-08,
        bool equal_nan = false
    ) => input.allclose(target, rtol, atol, equal_nan);

    /// <summary>Nothing is recorded for gradients, on this thread, until the result is disposed.</summary>
    public static IDisposable no_grad() => new GradMode(false);

    /// <summary>Operations are recorded for gradients, on this thread, until the result is disposed.</summary>
    public static IDisposable enable_grad(bool enabled = true) => new GradMode(enabled);

    /// <summary>Recording for gradients on or off, on this thread, until the result is disposed.</summary>
    public static IDisposable set_grad_enabled(bool mode = true) => new GradMode(mode);

    /// <summary>Whether operations are recorded for gradients on this thread.</summary>
    public static bool is_grad_enabled() => NativeMethods.flowbp_grad_mode_get() != 0;

    /// <summary>A scope that disposes the tensors created in it.</summary>
    public static DisposeScope NewDisposeScope() => new();

    /// <summary>The result of an expression, whose temporaries are disposed.</summary>
    public static Tensor WrappedTensorDisposeScope(Func<Tensor> expr)
    {
        using DisposeScope scope = NewDisposeScope();
        return expr().MoveToOuterDisposeScope();
    }

    /// <summary>Threads that an operator may use.</summary>
    public static int get_num_threads() => NativeMethods.flowbp_threads_get();

    /// <summary>Sets how many threads an operator may use.</summary>
    public static void set_num_threads(int num) => TorchStatus.Check(NativeMethods.flowbp_threads_set(num));
}
