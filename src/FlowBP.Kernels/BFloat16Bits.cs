// bf16 is the upper half of a binary32. Reading it is a shift; writing it is the one rounding that a latent suffers, so it
// is spelt out here once for a scalar and once for a vector, with the same bits for every input.

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FlowBP.Kernels;

/// <summary>Conversion between binary32 and the 16 bits of a bf16.</summary>
internal static class BFloat16Bits
{
    /// <summary>What every NaN becomes: the NaN that CUDA's own conversion gives, so that a GPU can agree bit for bit.</summary>
    internal const ushort NaN = 0x7FFF;

    /// <summary>The binary32 with these upper 16 bits; exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static float ToSingle(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>The nearest bf16, ties to even; beyond the largest one, infinity; <see cref="NaN"/> for a NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ushort FromSingle(float value)
    {
        if (float.IsNaN(value))
        {
            return NaN;
        }
        // Just under half a unit is added, or exactly half where that makes an odd result even; the carry may run into
        // the exponent, which is what rounding up to a power of two, or to infinity, means.
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>Sixteen bf16 as two vectors of eight binary32, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ToSingle(Vector256<ushort> bits, out Vector256<float> first, out Vector256<float> second)
    {
        first = (Vector256.WidenLower(bits) << 16).AsSingle();
        second = (Vector256.WidenUpper(bits) << 16).AsSingle();
    }

    /// <summary>Two vectors of eight binary32, in order, as sixteen bf16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ushort> FromSingle(Vector256<float> first, Vector256<float> second) =>
        Vector256.Narrow(Rounded(first), Rounded(second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Rounded(Vector256<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One)) >> 16;
        var isNumber = Vector256.Equals(value, value).AsUInt32();
        return Vector256.ConditionalSelect(isNumber, rounded, Vector256.Create((uint)NaN));
    }
}
