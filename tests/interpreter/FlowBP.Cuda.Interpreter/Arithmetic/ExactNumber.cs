// Numbers of any length, and their rounding to a format in any mode. The hardware under .NET rounds to nearest only, and only
// to two formats; everything else (rz, rm, rp, half, bfloat16) is computed here exactly and rounded once. Slow, and rare.

using System.Numerics;

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal enum Rounding
{
    NearestEven,
    TowardZero,
    Down,
    Up,
}

/// <param name="Precision">Significant bits, the hidden one included.</param>
/// <param name="LowestExponent">Exponent of the smallest subnormal number.</param>
/// <param name="HighestExponent">Exponent of the largest power of two.</param>
internal readonly record struct FloatFormat(int Precision, int LowestExponent, int HighestExponent)
{
    internal static FloatFormat Double => new(53, -1074, 1023);

    internal static FloatFormat Single => new(24, -149, 127);

    internal static FloatFormat Half => new(11, -24, 15);

    internal static FloatFormat BFloat16 => new(8, -133, 127);
}

/// <summary><c>Significand · 2^Exponent</c>, a little more in magnitude where <c>IsTruncated</c>.</summary>
internal readonly record struct ExactNumber(BigInteger Significand, int Exponent, bool IsTruncated = false)
{
    /// <summary>A finite number.</summary>
    internal static ExactNumber Of(double value)
    {
        var bits = BitConverter.DoubleToUInt64Bits(value);
        var exponent = (int)((bits >> 52) & 0x7ff);
        var fraction = bits & 0xfffffffffffffUL;
        BigInteger significand = exponent == 0 ? fraction : fraction | (1UL << 52);
        return new ExactNumber(value < 0 ? -significand : significand, Math.Max(exponent, 1) - 1075);
    }

    public static ExactNumber operator *(ExactNumber a, ExactNumber b) =>
        new(a.Significand * b.Significand, a.Exponent + b.Exponent);

    public static ExactNumber operator +(ExactNumber a, ExactNumber b)
    {
        var exponent = Math.Min(a.Exponent, b.Exponent);
        var sum = (a.Significand << (a.Exponent - exponent)) + (b.Significand << (b.Exponent - exponent));
        return new ExactNumber(sum, exponent);
    }

    /// <summary>The quotient to at least 64 bits; <paramref name="b"/> isn't 0.</summary>
    public static ExactNumber operator /(ExactNumber a, ExactNumber b)
    {
        const int Extra = 128;
        var quotient = BigInteger.DivRem(a.Significand << Extra, b.Significand, out var remainder);
        return new ExactNumber(quotient, a.Exponent - b.Exponent - Extra, !remainder.IsZero);
    }

    /// <summary>The square root of a positive number to at least 64 bits.</summary>
    internal ExactNumber SquareRoot()
    {
        var shift = 160 + (Exponent & 1);
        var radicand = Significand << shift;
        // Newton's iteration from above ends at the root rounded down.
        var root = BigInteger.One << (int)((radicand.GetBitLength() + 1) / 2);
        while (true)
        {
            var next = (root + (radicand / root)) >> 1;
            if (next >= root)
            {
                break;
            }
            root = next;
        }
        return new ExactNumber(root, (Exponent - shift) / 2, root * root != radicand);
    }

    /// <summary>
    /// The nearest number of a format in the direction of a mode; what underflows to 0 keeps its sign. Every format is exact
    /// in double.
    /// </summary>
    internal double Round(FloatFormat format, Rounding mode)
    {
        if (Significand.IsZero)
        {
            return 0;
        }
        var negative = Significand.Sign < 0;
        var magnitude = BigInteger.Abs(Significand);
        var lastBit = Math.Max(Exponent + (int)magnitude.GetBitLength() - format.Precision, format.LowestExponent);
        var shift = lastBit - Exponent;
        var kept = shift > 0 ? magnitude >> shift : magnitude << -shift;
        var lost = shift > 0 ? magnitude - (kept << shift) : BigInteger.Zero;
        var roundsUp = mode switch
        {
            Rounding.NearestEven => IsPastHalf(lost, shift, !kept.IsEven),
            Rounding.Up => !negative && (!lost.IsZero || IsTruncated),
            Rounding.Down => negative && (!lost.IsZero || IsTruncated),
            _ => false,
        };
        var result = Math.ScaleB((double)(roundsUp ? kept + 1 : kept), lastBit);
        var largest = Math.ScaleB(2 - Math.ScaleB(1, 1 - format.Precision), format.HighestExponent);
        if (result > largest)
        {
            var staysFinite = mode == Rounding.TowardZero || mode == (negative ? Rounding.Up : Rounding.Down);
            result = staysFinite ? largest : double.PositiveInfinity;
        }
        return negative ? -result : result;
    }

    private bool IsPastHalf(BigInteger lost, int shift, bool keptIsOdd)
    {
        if (shift <= 0)
        {
            return false;
        }
        var half = BigInteger.One << (shift - 1);
        return lost > half || (lost == half && (IsTruncated || keptIsOdd));
    }
}
