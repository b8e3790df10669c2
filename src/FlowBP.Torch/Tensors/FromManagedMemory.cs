using System.Runtime.InteropServices;

namespace FlowBP.Torch;

// New tensors from managed memory, which is copied. The element type is the C# type's unless said otherwise.
public static partial class torch
{
    /// <summary>A single number as a tensor without dimensions.</summary>
    public static Tensor tensor(
        float scalar,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<float>([scalar], [], dtype, device, requires_grad);

    /// <summary>A single number as a tensor without dimensions.</summary>
    public static Tensor tensor(
        int scalar,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<int>([scalar], [], dtype, device, requires_grad);

    /// <summary>A single number as a tensor without dimensions.</summary>
    public static Tensor tensor(
        long scalar,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<long>([scalar], [], dtype, device, requires_grad);

    /// <summary>A vector from managed memory.</summary>
    public static Tensor tensor(
        float[] rawArray,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<float>(rawArray, [rawArray.Length], dtype, device, requires_grad);

    /// <summary>A tensor of a shape from managed memory in row-major order.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements.</exception>
    public static Tensor tensor(
        float[] rawArray,
        long[] dimensions,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<float>(rawArray, dimensions, dtype, device, requires_grad);

    /// <summary>A single number as a tensor without dimensions.</summary>
    public static Tensor tensor(
        double scalar,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<double>([scalar], [], dtype, device, requires_grad);

    /// <summary>A vector from managed memory.</summary>
    public static Tensor tensor(
        double[] rawArray,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<double>(rawArray, [rawArray.Length], dtype, device, requires_grad);

    /// <summary>A tensor of a shape from managed memory in row-major order.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements.</exception>
    public static Tensor tensor(
        double[] rawArray,
        long[] dimensions,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<double>(rawArray, dimensions, dtype, device, requires_grad);

    /// <summary>A vector from managed memory.</summary>
    public static Tensor tensor(
        long[] rawArray,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<long>(rawArray, [rawArray.Length], dtype, device, requires_grad);

    /// <summary>A tensor of a shape from managed memory in row-major order.</summary>
    /// <exception cref="ArgumentException">The shape has another number of elements.</exception>
    public static Tensor tensor(
        long[] rawArray,
        long[] dimensions,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<long>(rawArray, dimensions, dtype, device, requires_grad);

    /// <summary>A vector from managed memory.</summary>
    public static Tensor tensor(
        bool[] rawArray,
        ScalarType? dtype = null,
        Device? device = null,
        bool requires_grad = false
    ) => FromManaged<bool>(rawArray, [rawArray.Length], dtype, device, requires_grad);

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
        foreach (var size in dimensions)
        {
            expected *= size;
        }

        if (expected != data.Length)
        {
            throw new ArgumentException(
                $"{data.Length} elements for shape [{string.Join(", ", dimensions)}], which has {expected}"
            );
        }

        var result = empty(dimensions, ScalarTypeOf<T>(), CPU);
        MemoryMarshal.AsBytes(data).CopyTo(result.bytes);
        if (dtype is { } type && type != ScalarTypeOf<T>())
        {
            using var source = result;
            result = source.to(type);
        }

        device ??= defaultDevice;
        if (device is not null && device.type != DeviceType.CPU)
        {
            using var source = result;
            result = source.to(device);
        }

        return Recorded(result, requires_grad);
    }
}
