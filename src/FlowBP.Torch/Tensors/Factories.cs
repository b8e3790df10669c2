using System.Runtime.InteropServices;
using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

// New tensors: filled, counted, or from managed memory.
public static partial class torch
{
    /// <summary>Zeros of a shape; float32 on the CPU unless said otherwise.</summary>
    public static Tensor zeros(
        long[] size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.zeros.Call(size, dtype, Argument.None, device), requires_grad);

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
    ) => Recorded(Aten.ones.Call(size, dtype, Argument.None, device), requires_grad);

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

    /// <summary>One number in a shape.</summary>
    public static Tensor full(
        long[] size,
        Scalar value,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.full.Call(size, value, dtype, Argument.None, device), requires_grad);

    /// <summary>Uninitialised memory in a shape.</summary>
    public static Tensor empty(
        long[] size,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.empty.Call(size, dtype, Argument.None, device), requires_grad);

    /// <summary>The identity matrix.</summary>
    public static Tensor eye(long rows, ScalarType? dtype = null, Device? device = null) =>
        Aten.eye.Call(rows, dtype, Argument.None, device);

    /// <summary>0, 1, … up to and without <paramref name="stop"/>.</summary>
    public static Tensor arange(Scalar stop, ScalarType? dtype = null, Device? device = null) =>
        arange(0, stop, 1, dtype, device);

    /// <summary>start, start + 1, … up to and without <paramref name="stop"/>.</summary>
    public static Tensor arange(Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null) =>
        arange(start, stop, 1, dtype, device);

    /// <summary>start, start + step, … up to and without <paramref name="stop"/>.</summary>
    public static Tensor arange(
        Scalar start,
        Scalar stop,
        Scalar step,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => Recorded(Aten.arange.Call(start, stop, step, dtype, Argument.None, device), requires_grad);

    /// <summary>Evenly spaced numbers, both ends included.</summary>
    public static Tensor linspace(
        double start,
        double end,
        long steps,
        ScalarType? dtype = null,
        Device? device = null
    ) => Aten.linspace.Call((Scalar)start, (Scalar)end, steps, dtype, Argument.None, device);

    /// <summary>Zeros like another tensor.</summary>
    public static Tensor zeros_like(Tensor input, ScalarType? dtype = null, Device? device = null) =>
        Aten.zeros_like.Call(input, dtype, Argument.None, device);

    /// <summary>Ones like another tensor.</summary>
    public static Tensor ones_like(Tensor input, ScalarType? dtype = null, Device? device = null) =>
        Aten.ones_like.Call(input, dtype, Argument.None, device);

    /// <summary>Uninitialised memory like another tensor's.</summary>
    public static Tensor empty_like(Tensor input, ScalarType? dtype = null, Device? device = null) =>
        Aten.empty_like.Call(input, dtype, Argument.None, device);

    /// <summary>One number, like another tensor.</summary>
    public static Tensor full_like(Tensor input, Scalar value, ScalarType? dtype = null, Device? device = null) =>
        Aten.full_like.Call(input, value, dtype, Argument.None, device);

    /// <summary>A vector from managed memory, copied.</summary>
    public static Tensor tensor(
        float[] data,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<float>(data, [data.Length], dtype, device, requires_grad);

    /// <inheritdoc cref="tensor(float[], ScalarType?, Device?, bool)"/>
    public static Tensor tensor(
        double[] data,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<double>(data, [data.Length], dtype, device, requires_grad);

    /// <inheritdoc cref="tensor(float[], ScalarType?, Device?, bool)"/>
    public static Tensor tensor(long[] data, ScalarType? dtype = null, Device? device = null) =>
        FromManaged<long>(data, [data.Length], dtype, device, false);

    /// <inheritdoc cref="tensor(float[], ScalarType?, Device?, bool)"/>
    public static Tensor tensor(int[] data, ScalarType? dtype = null, Device? device = null) =>
        FromManaged<int>(data, [data.Length], dtype, device, false);

    /// <inheritdoc cref="tensor(float[], ScalarType?, Device?, bool)"/>
    public static Tensor tensor(bool[] data, ScalarType? dtype = null, Device? device = null) =>
        FromManaged<bool>(data, [data.Length], dtype, device, false);

    /// <inheritdoc cref="tensor(float[], ScalarType?, Device?, bool)"/>
    public static Tensor tensor(byte[] data, ScalarType? dtype = null, Device? device = null) =>
        FromManaged<byte>(data, [data.Length], dtype, device, false);

    /// <summary>A tensor of a shape from managed memory in row-major order, copied.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements.</exception>
    public static Tensor tensor(
        float[] data,
        long[] dimensions,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<float>(data, dimensions, dtype, device, requires_grad);

    /// <inheritdoc cref="tensor(float[], long[], ScalarType?, Device?, bool)"/>
    public static Tensor tensor(
        double[] data,
        long[] dimensions,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<double>(data, dimensions, dtype, device, requires_grad);

    /// <inheritdoc cref="tensor(float[], long[], ScalarType?, Device?, bool)"/>
    public static Tensor tensor(long[] data, long[] dimensions, ScalarType? dtype = null, Device? device = null) =>
        FromManaged<long>(data, dimensions, dtype, device, false);

    /// <summary>A single number as a tensor without dimensions.</summary>
    public static Tensor tensor(float scalar, ScalarType? dtype = null, Device? device = null) =>
        FromManaged<float>([scalar], [], dtype, device, false);

    /// <summary>A single number as a tensor without dimensions.</summary>
    public static Tensor tensor(double scalar, ScalarType? dtype = null, Device? device = null) =>
        FromManaged<double>([scalar], [], dtype, device, false);

    /// <summary>A single number as a tensor without dimensions.</summary>
    public static Tensor tensor(long scalar, ScalarType? dtype = null, Device? device = null) =>
        FromManaged<long>([scalar], [], dtype, device, false);

    private static Tensor FromManaged<T>(
        ReadOnlySpan<T> data,
        long[] dimensions,
        ScalarType? dtype,
        Device? device,
        bool requires_grad
    )
        where T : unmanaged
    {
        long expected = 1;
        foreach (long size in dimensions)
        {
            expected *= size;
        }

        if (expected != data.Length)
        {
            throw new ArgumentException(
                $"{data.Length} elements for shape [{string.Join(", ", dimensions)}], which has {expected}"
            );
        }

        Tensor result = empty(dimensions, ScalarTypeOf<T>());
        MemoryMarshal.AsBytes(data).CopyTo(result.bytes);
        if (dtype is { } type && type != ScalarTypeOf<T>())
        {
            using Tensor source = result;
            result = source.to(type);
        }

        if (device is not null && device.type != DeviceType.CPU)
        {
            using Tensor source = result;
            result = source.to(device);
        }

        return Recorded(result, requires_grad);
    }

    private static Tensor Recorded(Tensor tensor, bool requires_grad) =>
        requires_grad ? tensor.requires_grad_() : tensor;
}
