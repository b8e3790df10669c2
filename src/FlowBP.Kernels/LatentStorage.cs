// How each storage type is read into, and written from, the type that arithmetic is done in (T: float or double). The
// vectorised kernels are generic over these structs, so the JIT compiles one loop per storage type with the conversions
// inlined. Vectors come in pairs of Vector256: sixteen bf16 fill exactly two, and 256 bits exist on every x86-64 machine
// worth using (elsewhere .NET splits them); wider ones gain nothing where memory is the limit.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FlowBP.Kernels;

/// <summary>Unaligned reads and writes of one storage type.</summary>
/// <typeparam name="T">The type of arithmetic: float or double.</typeparam>
internal unsafe interface ILatentStorage<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Bytes of an element.</summary>
    static abstract int Size { get; }

    /// <summary>One element.</summary>
    static abstract T Read(byte* address);

    /// <summary>One element, rounded once.</summary>
    static abstract void Write(byte* address, T value);

    /// <summary>2·<c>Vector256&lt;T&gt;.Count</c> elements, in order.</summary>
    static abstract void Read(byte* address, out Vector256<T> first, out Vector256<T> second);

    /// <summary>2·<c>Vector256&lt;T&gt;.Count</c> elements, in order, each rounded once.</summary>
    static abstract void Write(byte* address, Vector256<T> first, Vector256<T> second);
}

/// <summary>Float64 and Float32: stored as they are computed with.</summary>
internal readonly unsafe struct NativeStorage<T> : ILatentStorage<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Size => sizeof(T);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read(byte* address) => Unsafe.ReadUnaligned<T>(address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* address, T value) => Unsafe.WriteUnaligned(address, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(byte* address, out Vector256<T> first, out Vector256<T> second)
    {
        first = Vector256.Load((T*)address);
        second = Vector256.Load((T*)address + Vector256<T>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* address, Vector256<T> first, Vector256<T> second)
    {
        first.Store((T*)address);
        second.Store((T*)address + Vector256<T>.Count);
    }
}

/// <summary>BFloat16: computed with in float.</summary>
internal readonly unsafe struct BFloat16Storage : ILatentStorage<float>
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(byte* address) => BFloat16Bits.ToSingle(Unsafe.ReadUnaligned<ushort>(address));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* address, float value) =>
        Unsafe.WriteUnaligned(address, BFloat16Bits.FromSingle(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(byte* address, out Vector256<float> first, out Vector256<float> second) =>
        BFloat16Bits.ToSingle(Vector256.Load((ushort*)address), out first, out second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* address, Vector256<float> first, Vector256<float> second) =>
        BFloat16Bits.FromSingle(first, second).Store((ushort*)address);
}
