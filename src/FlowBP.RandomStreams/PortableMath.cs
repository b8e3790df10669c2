// Math.Log, Math.Sin and Math.Exp call the platform's C library, and those differ in the last bit. Random draws must not:
// here are the few functions they need, from additions, multiplications and divisions only, which IEEE 754 fixes on every
// machine (the JIT never contracts them). Truncated series on reduced arguments, within 2 units in the last place.

namespace FlowBP.RandomStreams;

/// <summary>Elementary functions that give the same bits everywhere.</summary>
internal static class PortableMath
{
    // ln 2 in two parts; the upper one has 21 trailing zero bits, so that its product with an exponent is exact.
    private const double Ln2High = 0.69314718036912382;
    private const double Ln2Low = 1.9082149292705877e-10;

    // Each series goes on until its first omitted term is below 2^-57 of the sum, on the reduced argument.
    private static ReadOnlySpan<double> ArtanhTail =>
        [1.0 / 3, 1.0 / 5, 1.0 / 7, 1.0 / 9, 1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23];

    private static ReadOnlySpan<double> SineTail =>
        [
            -1.0 / 6,
            1.0 / 120,
            -1.0 / 5040,
            1.0 / 362880,
            -1.0 / 39916800,
            1.0 / 6227020800.0,
            -1.0 / 1307674368000.0,
            1.0 / 355687428096000.0,
            -1.0 / 121645100408832000.0,
        ];

    private static ReadOnlySpan<double> CosineTail =>
        [
            -1.0 / 2,
            1.0 / 24,
            -1.0 / 720,
            1.0 / 40320,
            -1.0 / 3628800,
            1.0 / 479001600,
            -1.0 / 87178291200.0,
            1.0 / 20922789888000.0,
            -1.0 / 6402373705728000.0,
            1.0 / 2432902008176640000.0,
        ];

    private static ReadOnlySpan<double> ExponentialTail =>
        [
            1.0 / 1,
            1.0 / 2,
            1.0 / 6,
            1.0 / 24,
            1.0 / 120,
            1.0 / 720,
            1.0 / 5040,
            1.0 / 40320,
            1.0 / 362880,
            1.0 / 3628800,
            1.0 / 39916800,
            1.0 / 479001600,
            1.0 / 6227020800.0,
            1.0 / 87178291200.0,
        ];

    /// <summary>Natural logarithm of a positive, finite, normal number.</summary>
    internal static double Log(double x)
    {
        // x = 2^exponent · m, m in [√½, √2)
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> 52) - 1023;
        var m = BitConverter.Int64BitsToDouble((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
        if (m > 1.4142135623730951)
        {
            m *= 0.5;
            exponent++;
        }
        // ln m = 2 artanh s = 2 (s + s³/3 + s⁵/5 + …), s = (m − 1)/(m + 1), s² < 0.0295
        var f = m - 1;
        var s = f / (m + 1);
        var s2 = s * s;
        var tail = s2 * Horner(ArtanhTail, s2);
        // 2s = f − s·f, and f is exact: the leading term carries no rounding error.
        var correction = (s * ((2 * tail) - f)) + (exponent * Ln2Low);
        return (exponent * Ln2High) + (f + correction);
    }

    /// <summary>sin 2πu and cos 2πu for u in [0, 1).</summary>
    internal static (double Sine, double Cosine) SinCosTurns(double u)
    {
        // Nearest quarter turn; the remainder, within an eighth of a turn, is exact.
        var quarter = (int)((u * 4) + 0.5);
        var angle = (u - (quarter * 0.25)) * (2 * Math.PI);
        var a2 = angle * angle;
        var sine = angle + (angle * a2 * Horner(SineTail, a2));
        var cosine = 1 + (a2 * Horner(CosineTail, a2));
        return (quarter & 3) switch
        {
            0 => (sine, cosine),
            1 => (cosine, -sine),
            2 => (-sine, -cosine),
            _ => (-cosine, sine),
        };
    }

    /// <summary>eˣ for x ≤ 0 (0 where it underflows).</summary>
    internal static double Exp(double x)
    {
        if (x < -745.2)
        {
            return 0;
        }
        // eˣ = 2^k · eʳ, |r| ≤ ln 2 / 2
        var k = (int)((x / (Ln2High + Ln2Low)) - 0.5);
        var r = x - (k * Ln2High) - (k * Ln2Low);
        return Math.ScaleB(1 + (r * Horner(ExponentialTail, r)), k);
    }

    private static double Horner(ReadOnlySpan<double> coefficients, double x)
    {
        var value = 0.0;
        for (var n = coefficients.Length - 1; n >= 0; n--)
        {
            value = (value * x) + coefficients[n];
        }
        return value;
    }
}
