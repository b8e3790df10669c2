using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

// New tensors: filled or counted.
public static partial class torch
{
    /// <summary>Zeros of a shape; float32 on the default device unless said otherwise.</summary>
    public static Tensor zeros(
        long[] size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.zeros.Call(size, dtype, Argument.None, device ?? defaultDevice), requires_grad);

    /// <summary>A vector of zeros.</summary>
    public static Tensor zeros(
        long size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => zeros([size], dtype, device, requires_grad);

    /// <summary>A matrix of zeros.</summary>
    public static Tensor zeros(
        long rows,
        long columns,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => zeros([rows, columns], dtype, device, requires_grad);

    /// <summary>Ones of a shape.</summary>
    public static Tensor ones(
        long[] size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.ones.Call(size, dtype, Argument.None, device ?? defaultDevice), requires_grad);

    /// <summary>A vector of ones.</summary>
    public static Tensor ones(long size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        ones([size], dtype, device, requires_grad);

    /// <summary>A matrix of ones.</summary>
    public static Tensor ones(
        long rows,
        long columns,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => ones([rows, columns], dtype, device, requires_grad);

    /// <summary>Three dimensions of ones.</summary>
    public static Tensor ones(
        long dim0,
        long dim1,
        long dim2,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => ones([dim0, dim1, dim2], dtype, device, requires_grad);

    /// <summary>Four dimensions of ones.</summary>
    public static Tensor ones(
        long dim0,
        long dim1,
        long dim2,
        long dim3,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => ones([dim0, dim1, dim2, dim3], dtype, device, requires_grad);

    /// <summary>One number in a shape.</summary>
    public static Tensor full(
        long[] size,
        Scalar value,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.full.Call(size, value, dtype, Argument.None, device ?? defaultDevice), requires_grad);

    /// <summary>Uninitialised memory in a shape.</summary>
    public static Tensor empty(
        long[] size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.empty.Call(size, dtype, Argument.None, device ?? defaultDevice), requires_grad);

    /// <summary>A vector of uninitialised memory.</summary>
    public static Tensor empty(
        long size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => empty([size], dtype, device, requires_grad);

    /// <summary>0, 1, … up to and without <paramref name="stop"/>.</summary>
    public static Tensor arange(
        Scalar stop,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => arange(0, stop, 1, dtype, device, requires_grad);

    /// <summary>start, start + 1, … up to and without <paramref name="stop"/>.</summary>
    public static Tensor arange(
        Scalar start,
        Scalar stop,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => arange(start, stop, 1, dtype, device, requires_grad);

    /// <summary>start, start + step, … up to and without <paramref name="stop"/>.</summary>
    public static Tensor arange(
        Scalar start,
        Scalar stop,
        Scalar step,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.arange.Call(start, stop, step, dtype, Argument.None, device ?? defaultDevice), requires_grad);

    /// <summary>Evenly spaced numbers, both ends included.</summary>
    public static Tensor linspace(
        double start,
        double end,
        long steps,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) =>
        Recorded(
            Aten.linspace.Call((Scalar)start, (Scalar)end, steps, dtype, Argument.None, device ?? defaultDevice),
            requires_grad
        );

    /// <summary>Zeros like another tensor.</summary>
    public static Tensor zeros_like(
        Tensor input,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.zeros_like.Call(input, dtype, Argument.None, device), requires_grad);

    /// <summary>Ones like another tensor.</summary>
    public static Tensor ones_like(
        Tensor input,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.ones_like.Call(input, dtype, Argument.None, device), requires_grad);

    /// <summary>Uninitialised memory like another tensor's.</summary>
    public static Tensor empty_like(
        Tensor input,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.empty_like.Call(input, dtype, Argument.None, device), requires_grad);

    /// <summary>One number, like another tensor.</summary>
    public static Tensor full_like(
        Tensor input,
        Scalar value,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.full_like.Call(input, value, dtype, Argument.None, device), requires_grad);

    private static Tensor Recorded(Tensor tensor, bool requires_grad) =>
        requires_grad ? tensor.requires_grad_() : tensor;
}
