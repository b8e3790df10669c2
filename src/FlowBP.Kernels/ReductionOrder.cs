// Floating-point sums depend on their order. Fixing the order here, apart from any implementation, is what makes a
// residual or a gradient norm the same number on one thread, on sixty-four, and on the scalar reference.

namespace FlowBP.Kernels;

/// <summary>
/// The order in which every reduction runs. A row is cut into blocks of <see cref="BlockElements"/>; within a block,
/// element e is added, in double, to lane <c>e mod <see cref="Lanes"/></c>; the lanes are added up in lane order to the
/// block's partial sum, and the partials in block order to the result.
/// </summary>
public static class ReductionOrder
{
    /// <summary>Elements of a block: its binary32 accumulators (32 KiB) stay in a core's first-level cache.</summary>
    public const int BlockElements = 8192;

    /// <summary>Independent running sums of a block.</summary>
    public const int Lanes = 8;

    /// <summary>Number of blocks of a row.</summary>
    /// <param name="elements">Length of the row.</param>
    public static long BlocksOf(long elements) => (elements / BlockElements) + (elements % BlockElements == 0 ? 0 : 1);
}
