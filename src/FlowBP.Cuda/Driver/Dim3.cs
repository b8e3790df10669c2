// CUDA's own triple for grids and blocks, with its defaults.

namespace FlowBP.Cuda;

/// <summary>Number of blocks of a grid, or of threads of a block, along the three axes.</summary>
/// <param name="X">Along x, which varies fastest.</param>
/// <param name="Y">Along y.</param>
/// <param name="Z">Along z.</param>
public readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    /// <summary>Blocks of the grid, or threads of the block.</summary>
    public long Count => (long)X * Y * Z;

    /// <inheritdoc/>
    public override string ToString() => $"({X}, {Y}, {Z})";
}
