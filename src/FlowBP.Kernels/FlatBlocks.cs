// A list of tensors of all sizes as one sequence of blocks, so that a thousand small parameters and one large one are
// shared among cores by the same loop.

namespace FlowBP.Kernels;

/// <summary>The blocks of several rows, one row after another.</summary>
internal sealed class FlatBlocks
{
    // _firstBlock[i] is the number of blocks in front of row i.
    private readonly long[] _firstBlock;

    internal FlatBlocks(ReadOnlySpan<long> lengths, long blockElements)
    {
        var elements = 0L;
        _firstBlock = new long[lengths.Length + 1];
        for (var row = 0; row < lengths.Length; row++)
        {
            _firstBlock[row + 1] = _firstBlock[row] + ReductionOrder.QuotientRoundedUp(lengths[row], blockElements);
            elements += lengths[row];
        }
        ElementsPerBlock = Math.Max(1, elements / Math.Max(1, Count));
    }

    internal long Count => _firstBlock[^1];

    /// <summary>Mean size of a block, at least 1: many rows are far shorter than a block.</summary>
    internal long ElementsPerBlock { get; }

    /// <summary>The row that a block belongs to, and its number within the row.</summary>
    internal (int Row, long BlockOfRow) Locate(long block)
    {
        // The last row that starts at or before the block: rows without blocks share their start with the next one.
        var (low, high) = (0, _firstBlock.Length - 1);
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            (low, high) = _firstBlock[middle] <= block ? (middle, high) : (low, middle);
        }
        return (low, block - _firstBlock[low]);
    }
}
