// A kernel's arguments are passed by address, and the driver copies as many bytes as the kernel declares. So an argument must
// have exactly the kernel's type: each conversion below is for one type of C++, named beside it, and there is none between
// them. A call's arguments are a span on the stack; nothing is allocated.

using System.Runtime.CompilerServices;

namespace FlowBP.Cuda;

/// <summary>One argument of a kernel.</summary>
/// <example>
/// <code>
/// // extern "C" __global__ void scale(float* x, long long n, float factor)
/// driver.Launch(kernel, new Dim3(blocks), new Dim3(256), stream, pointer, count, 0.5f);   // nint, long, float
/// </code>
/// </example>
public readonly unsafe struct KernelArgument
{
    // The value itself, or, of a structure, its address.
    private readonly ulong bits;
    private readonly bool isAddress;

    private KernelArgument(ulong bits, bool isAddress = false)
    {
        this.bits = bits;
        this.isAddress = isAddress;
    }

    /// <summary>A pointer to device memory (<c>T*</c>).</summary>
    /// <param name="value">CUdeviceptr.</param>
    public static implicit operator KernelArgument(nint value) => new((ulong)value);

    /// <summary><c>int</c>; with its sign, so that it is also right where the kernel takes a <c>long long</c>.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator KernelArgument(int value) => new((ulong)(long)value);

    /// <summary><c>unsigned</c>.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator KernelArgument(uint value) => new(value);

    /// <summary><c>long long</c>.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator KernelArgument(long value) => new((ulong)value);

    /// <summary><c>unsigned long long</c>.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator KernelArgument(ulong value) => new(value);

    /// <summary><c>float</c>.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator KernelArgument(float value) => new(BitConverter.SingleToUInt32Bits(value));

    /// <summary><c>double</c>.</summary>
    /// <param name="value">The value.</param>
    public static implicit operator KernelArgument(double value) => new(BitConverter.DoubleToUInt64Bits(value));

    /// <summary>
    /// A structure that the kernel takes by value; of at most 4 KB, with C's layout (fields in order, no bool or char).
    /// </summary>
    /// <param name="value">Address of the structure: of a local variable, or of a pinned one; valid during the launch.</param>
    /// <typeparam name="T">Its type.</typeparam>
    public static KernelArgument Structure<T>(T* value)
        where T : unmanaged => new((ulong)(nint)value, isAddress: true);

    /// <summary>Writes the addresses of the values, which are good as long as the arguments stay where they are.</summary>
    /// <param name="arguments">The arguments, on the stack.</param>
    /// <param name="addresses">Receives one address per argument.</param>
    public static void Addresses(ReadOnlySpan<KernelArgument> arguments, Span<nint> addresses)
    {
        for (var i = 0; i < arguments.Length; i++)
        {
            ref readonly var argument = ref arguments[i];
            addresses[i] = argument.isAddress
                ? (nint)argument.bits
                // The machine is little-endian: the low bytes, which a narrow type is read from, come first.
                : (nint)Unsafe.AsPointer(ref Unsafe.AsRef(in argument.bits));
        }
    }
}
