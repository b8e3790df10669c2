// How work is shared among cores. Blocks are independent and each is computed by one thread from beginning to end, so
// the number of threads, and who gets what, can't change a result.

namespace FlowBP.Kernels;

/// <summary>Runs a loop over blocks on several threads.</summary>
internal static class BlockLoop
{
    // Waking other threads costs some microseconds; below this much memory traffic one core is done sooner.
    private const long SerialBytes = 256 * 1024;

    // Work is handed out in pieces of about this size: large against the cost of handing out, small against the whole,
    // so that a core that was interrupted doesn't keep the others waiting.
    private const long PieceBytes = 1024 * 1024;

    /// <summary>Runs <paramref name="body"/> on ranges [begin, end) that cover [0, <paramref name="blocks"/>).</summary>
    /// <param name="blocks">Number of blocks.</param>
    /// <param name="bytesPerBlock">Memory traffic of one block, roughly.</param>
    /// <param name="maxThreads">Threads used at most.</param>
    /// <param name="body">Computes the blocks of one range; called concurrently.</param>
    internal static void Run(long blocks, long bytesPerBlock, int maxThreads, Action<long, long> body)
    {
        if (maxThreads == 1 || blocks < 2 || blocks <= SerialBytes / bytesPerBlock)
        {
            body(0, blocks);
            return;
        }
        var blocksPerPiece = Math.Max(1, Math.Min(PieceBytes / bytesPerBlock, blocks / maxThreads));
        var pieces = (blocks + blocksPerPiece - 1) / blocksPerPiece;
        Parallel.For(
            0,
            pieces,
            new ParallelOptions { MaxDegreeOfParallelism = maxThreads },
            piece => body(piece * blocksPerPiece, Math.Min(blocks, (piece + 1) * blocksPerPiece))
        );
    }
}
