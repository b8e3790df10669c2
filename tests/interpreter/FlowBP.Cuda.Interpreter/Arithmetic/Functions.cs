// Every instruction without side effects is a pure function of the bits of its operands. A register holds a value in the
// low bits of 64, zero-extended; functions take and return such values.

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal delegate ulong Unary(ulong a);

internal delegate ulong Binary(ulong a, ulong b);

internal delegate ulong Ternary(ulong a, ulong b, ulong c);

internal delegate ulong Quaternary(ulong a, ulong b, ulong c, ulong d);

/// <summary>Bits of registers as numbers, and back.</summary>
internal static class Bits
{
    /// <summary>What single-precision instructions return for every NaN.</summary>
    internal const uint SingleNaN = 0x7fffffff;

    /// <summary>What half-precision and bfloat16 instructions return for every NaN.</summary>
    internal const ushort NarrowNaN = 0x7fff;

    internal static float Single(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    internal static double Double(ulong bits) => BitConverter.UInt64BitsToDouble(bits);

    internal static ulong Of(float value) => float.IsNaN(value) ? SingleNaN : BitConverter.SingleToUInt32Bits(value);

    internal static ulong Of(double value) => BitConverter.DoubleToUInt64Bits(value);

    internal static ulong Of(bool value) => value ? 1UL : 0;

    /// <summary>The value as a signed number of a width, in 64 bits.</summary>
    internal static long Signed(ulong value, int bits) => (long)(value << (64 - bits)) >> (64 - bits);

    /// <summary>All ones in the low bits.</summary>
    internal static ulong Mask(int bits) => bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;

    /// <summary>Subnormal numbers to zero of the same sign (.ftz).</summary>
    internal static float Flush(float value) => float.IsSubnormal(value) ? MathF.CopySign(0, value) : value;

    /// <summary>To [0, 1]; NaN to 0 (.sat).</summary>
    internal static double Saturate(double value) => value > 0 ? Math.Min(value, 1) : 0;
}
