// Floating-point sums depend on their order. Fixing the order here, apart from any implementation, is what makes a residual or
// a gradient norm the same number on one thread, on sixty-four, on a GPU, and on the scalar reference. The order is one that
// suits all of them: an octet is what a vector register or a GPU thread holds, a block what a warp of 32 threads holds, and
// halving is what both can do fastest.

namespace FlowBP.Kernels;

/// <summary>
/// The order in which every reduction runs. A row is cut into blocks of <see cref="BlockElements"/>, a block into octets of
/// <see cref="OctetElements"/>. An octet is added up in double by halving, <c>((e0 + e4) + (e2 + e6)) + ((e1 + e5) + (e3 +
/// e7))</c>; the 32 sums of a block's octets by halving as well. The sums of the blocks form a row that is added up in the
/// same way, until one number is left. Elements that a block lacks count as zeros.
/// </summary>
public static class ReductionOrder
{
    /// <summary>Elements of a block.</summary>
    public const int BlockElements = 256;

    /// <summary>Consecutive elements that are added up first.</summary>
    public const int OctetElements = 8;

    /// <summary>Octets of a block.</summary>
    internal const int OctetsPerBlock = BlockElements / OctetElements;

    /// <summary>Number of blocks of a row.</summary>
    /// <param name="elements">Length of the row.</param>
    public static long BlocksOf(long elements) => QuotientRoundedUp(elements, BlockElements);

    /// <summary>The sum of a row.</summary>
    /// <param name="values">The row. Its content is lost.</param>
    public static double Sum(Span<double> values)
    {
        while (values.Length > 1)
        {
            var blocks = (int)BlocksOf(values.Length);
            for (var block = 0; block < blocks; block++)
            {
                var begin = block * BlockElements;
                values[block] = SumOfBlock(values[begin..Math.Min(begin + BlockElements, values.Length)]);
            }
            values = values[..blocks];
        }
        return values.Length == 0 ? 0 : values[0];
    }

    /// <summary>The sum of a block.</summary>
    /// <param name="values">At most <see cref="BlockElements"/> numbers.</param>
    internal static double SumOfBlock(ReadOnlySpan<double> values)
    {
        Span<double> sums = stackalloc double[OctetsPerBlock];
        Span<double> octet = stackalloc double[OctetElements];
        for (var i = 0; i < OctetsPerBlock; i++)
        {
            octet.Clear();
            var begin = Math.Min(i * OctetElements, values.Length);
            values[begin..Math.Min(begin + OctetElements, values.Length)].CopyTo(octet);
            sums[i] = SumByHalving(octet);
        }
        return SumByHalving(sums);
    }

    private static double SumByHalving(Span<double> values)
    {
        for (var half = values.Length / 2; half > 0; half /= 2)
        {
            for (var i = 0; i < half; i++)
            {
                values[i] += values[i + half];
            }
        }
        return values[0];
    }

    internal static long QuotientRoundedUp(long dividend, long divisor) =>
        (dividend / divisor) + (dividend % divisor == 0 ? 0 : 1);
}
