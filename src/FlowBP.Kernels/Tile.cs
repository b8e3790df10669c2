// How the CPU cuts its work. A tile is what one thread computes at a time; since it is a whole number of the blocks that
// ReductionOrder knows, where one tile ends and the next begins can't change a sum.

namespace FlowBP.Kernels;

/// <summary>The pieces in which a CPU goes through a row.</summary>
internal static class Tile
{
    /// <summary>Elements of a tile: its binary32 accumulators (32 KiB) stay in a core's first-level cache.</summary>
    internal const int Elements = 8192;

    /// <summary>Blocks of <see cref="ReductionOrder"/> in a tile.</summary>
    internal const int Blocks = Elements / ReductionOrder.BlockElements;

    /// <summary>Number of tiles of a row.</summary>
    /// <param name="elements">Length of the row.</param>
    internal static long CountOf(long elements) => ReductionOrder.QuotientRoundedUp(elements, Elements);
}
