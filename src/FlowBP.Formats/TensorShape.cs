// What a tensor can be, whatever a file says: libtorch's own limits, asked before libtorch is. They hold for tensors without elements
// too, whose other extents it multiplies all the same.

namespace FlowBP.Formats;

/// <summary>Limits of shapes.</summary>
internal static class TensorShape
{
    /// <summary>The most extents; libtorch's operators take no more.</summary>
    public const int MostExtents = 64;

    /// <summary>What was expected of a shape that no tensor can have; null: one can.</summary>
    /// <param name="shape">Extents, at least 0.</param>
    /// <param name="elementBytes">Bytes per element.</param>
    public static string? Problem(ReadOnlySpan<long> shape, int elementBytes)
    {
        if (shape.Length > MostExtents)
        {
            return $"at most {MostExtents} extents, not {shape.Length}";
        }
        long bytes = elementBytes;
        foreach (var extent in shape)
        {
            if (extent > 0 && bytes > long.MaxValue / extent)
            {
                return "fewer than 2^63 bytes";
            }
            bytes *= Math.Max(extent, 1);
        }
        return null;
    }
}
