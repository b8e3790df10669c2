// The shapes of grids: how work is cut into thread blocks, and what a grid can't be.

using FlowBP.Cuda;

namespace FlowBP.Kernels.Cuda;

/// <summary>Grids of thread blocks.</summary>
internal static class CudaGrid
{
    /// <summary>Most blocks that a grid can have along y.</summary>
    internal const int MaxY = 65535;

    /// <summary>Bytes that a thread loads or stores at a time where alignment allows it.</summary>
    internal const int VectorBytes = 16;

    /// <summary>Blocks that cover so many elements.</summary>
    internal static long BlocksOf(long elements, long elementsPerBlock) =>
        ReductionOrder.QuotientRoundedUp(elements, elementsPerBlock);

    /// <summary>So many blocks along x and y.</summary>
    /// <exception cref="ArgumentException">There are too many along x.</exception>
    internal static Dim3 Of(long x, int y = 1) =>
        x <= int.MaxValue
            ? new((int)x, y)
            : throw new ArgumentException($"a kernel would take {x} blocks; a grid has {int.MaxValue} at most");
}
