// NaN and infinity are the values whose exponent bits are all ones. That is one mask and one comparison per element,
// whatever the type: fast enough to look at every weight while it is in the cache anyway.

using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FlowBP.Models.Formats;

internal static class FiniteValues
{
    /// <summary>The index of the first refused value, or −1.</summary>
    /// <param name="bytes">Whole elements, little-endian.</param>
    /// <param name="type">Their type; others than real numbers are never refused.</param>
    /// <param name="check">What is refused.</param>
    public static long FirstRefused(ReadOnlySpan<byte> bytes, ScalarType type, ValueCheck check) =>
        check == ValueCheck.None
            ? -1
            : type switch
            {
                ScalarType.Float64 => First(bytes, 0x7FF0_0000_0000_0000ul, check),
                ScalarType.Float32 => First(bytes, 0x7F80_0000u, check),
                ScalarType.Float16 => First(bytes, (ushort)0x7C00, check),
                ScalarType.BFloat16 => First(bytes, (ushort)0x7F80, check),
                _ => -1,
            };

    private static long First<T>(ReadOnlySpan<byte> bytes, T exponent, ValueCheck check)
        where T : unmanaged, IBinaryInteger<T>
    {
        ReadOnlySpan<T> values = MemoryMarshal.Cast<byte, T>(bytes);
        if (!AnyFullExponent(values, exponent))
        {
            return -1;
        }
        // An infinity's other bits, sign aside, are zero.
        T magnitude = exponent | (exponent - T.One);
        for (int i = 0; i < values.Length; i++)
        {
            bool full = (values[i] & exponent) == exponent;
            if (full && (check == ValueCheck.Finite || (values[i] & magnitude & ~exponent) != T.Zero))
            {
                return i;
            }
        }
        return -1;
    }

    private static bool AnyFullExponent<T>(ReadOnlySpan<T> values, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
        {
            int width = Vector256<T>.Count;
            Vector256<T> mask = Vector256.Create(exponent);
            Vector256<T> found = Vector256<T>.Zero;
            ref T first = ref MemoryMarshal.GetReference(values);
            for (; i <= values.Length - 4 * width; i += 4 * width)
            {
                for (int j = 0; j < 4; j++)
                {
                    Vector256<T> value = Vector256.LoadUnsafe(ref first, (nuint)(i + j * width));
                    found |= Vector256.Equals(value & mask, mask);
                }
            }
            if (found != Vector256<T>.Zero)
            {
                return true;
            }
        }
        for (; i < values.Length; i++)
        {
            if ((values[i] & exponent) == exponent)
            {
                return true;
            }
        }
        return false;
    }
}
