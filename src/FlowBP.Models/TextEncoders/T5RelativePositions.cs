// T5's clipped logarithmic distances: half of the table's rows are for keys before the query, half for keys after it; of
// each half the first half is exact, one row per distance, and the rest grows with the distance's logarithm up to a
// largest distance, beyond which all share the last row (Raffel et al. 2020, section 2.1).

namespace FlowBP.Models.TextEncoders;

internal static class T5RelativePositions
{
    /// <summary>The table's row for every query (slow) and key (fast).</summary>
    /// <param name="length">Tokens.</param>
    /// <param name="buckets">Rows of the table.</param>
    /// <param name="maxDistance">Distance from which on the last row is used.</param>
    public static long[] Buckets(int length, int buckets, int maxDistance)
    {
        var rows = new long[(long)length * length];
        for (var query = 0; query < length; query++)
        {
            for (var key = 0; key < length; key++)
            {
                rows[(long)query * length + key] = Bucket(key - query, buckets, maxDistance);
            }
        }
        return rows;
    }

    /// <summary>The row of one offset.</summary>
    /// <param name="offset">Position of the key minus that of the query.</param>
    /// <param name="buckets">Rows of the table.</param>
    /// <param name="maxDistance">Distance from which on the last row is used.</param>
    public static int Bucket(int offset, int buckets, int maxDistance)
    {
        var half = buckets / 2;
        var first = offset > 0 ? half : 0;
        var distance = Math.Abs(offset);
        var exact = half / 2;
        if (distance < exact)
        {
            return first + distance;
        }
        // In float32, as the reference computes it: at powers of two the quotient must come out whole.
        var octave = MathF.Log((float)distance / exact) / (float)Math.Log((double)maxDistance / exact);
        var far = exact + (int)(octave * (half - exact));
        return first + Math.Min(far, half - 1);
    }
}
