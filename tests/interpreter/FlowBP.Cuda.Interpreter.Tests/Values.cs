// Operands worth trying: the corners of each type, and random ones between.

namespace FlowBP.Cuda.Interpreter.Tests;

internal static class Values
{
    private static readonly uint[] s_singleCorners =
    [
        0x00000000, // 0
        0x80000000, // −0
        0x3f800000, // 1
        0xbf800000, // −1
        0x3fc00000, // 1.5
        0x40200000, // 2.5
        0xc0200000, // −2.5
        0x00000001, // the smallest subnormal number
        0x807fffff, // the largest one, negative
        0x00800000, // the smallest normal number
        0x7f7fffff, // the largest number
        0xff7fffff,
        0x7f800000, // ∞
        0xff800000, // −∞
        0x7fc00001, // NaN
        0x33800000, // 2⁻²⁴
        0x4b000001, // 2²³ + 1
        0x4f000000, // 2³¹
        0xcf000001, // below −2³¹
        0x5f800000, // 2⁶⁴
    ];

    /// <summary>Pairs of corners, and random bits behind them: values of %a, %b and %c.</summary>
    public static ulong[][] Singles(int count, int seed = 1) =>
        Mixed([.. s_singleCorners.Select(bits => (ulong)bits)], 32, count, seed);

    public static ulong[][] Doubles(int count, int seed = 1) =>
        Mixed(
            [
                .. s_singleCorners.Select(bits =>
                    BitConverter.DoubleToUInt64Bits(BitConverter.UInt32BitsToSingle(bits))
                ),
                1,
                0x8000000000000001,
                0x7fefffffffffffff,
                0x43e0000000000000,
            ],
            64,
            count,
            seed
        );

    public static ulong[][] Integers(int bits, int count, int seed = 1)
    {
        var mask = bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;
        var top = 1UL << (bits - 1);
        ulong[] corners =
        [
            0,
            1,
            2,
            7,
            (ulong)bits - 1,
            (ulong)bits,
            (ulong)bits + 1,
            top - 1,
            top,
            top + 1,
            mask - 1,
            mask,
        ];
        return Mixed(corners, bits, count, seed);
    }

    /// <summary>Finite single-precision numbers of moderate size, some of them close to each other.</summary>
    public static ulong[][] ModerateSingles(int count, int seed)
    {
        var random = new Random(seed);
        ulong Next() =>
            BitConverter.SingleToUInt32Bits((float)((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-30, 30))));
        return [.. Enumerable.Range(0, 3).Select(_ => Enumerable.Range(0, count).Select(_ => Next()).ToArray())];
    }

    private static ulong[][] Mixed(ulong[] corners, int bits, int count, int seed)
    {
        var random = new Random(seed);
        var mask = bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;
        ulong Random() => (ulong)random.NextInt64(long.MinValue, long.MaxValue) & mask;
        var a = new ulong[count];
        var b = new ulong[count];
        var c = new ulong[count];
        for (var i = 0; i < count; i++)
        {
            var isPairOfCorners = i < corners.Length * corners.Length;
            a[i] = isPairOfCorners ? corners[i % corners.Length] : Random();
            b[i] = isPairOfCorners ? corners[i / corners.Length] : Random();
            c[i] = random.Next(4) == 0 ? Random() : corners[random.Next(corners.Length)];
        }
        return [a, b, c];
    }
}
