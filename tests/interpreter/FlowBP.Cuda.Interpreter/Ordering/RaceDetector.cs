// Compares each access with the last ones to the same bytes. A granule remembers its last write and one read since: of
// several concurrent readers the latest, with a note that there were more. That suffices to find every race between a write
// and what follows it, and nearly every one between reads and a write behind them; it never reports accesses that are
// ordered, with one exception: memory read by several blocks and then written by the last one of them.

using FlowBP.Cuda.Interpreter.Memory;

namespace FlowBP.Cuda.Interpreter.Ordering;

internal enum AccessKind
{
    /// <summary>A weak access: the compiler and the caches may do with it what they like between fences.</summary>
    Plain,

    /// <summary>A read through the read-only path, whose cache notices no writes.</summary>
    NonCoherent,

    /// <summary>Volatile, relaxed, acquire, release or atomic.</summary>
    Strong,
}

/// <summary>An access that an access conflicts with.</summary>
/// <param name="Finding">A race or a broken promise.</param>
/// <param name="Block">Number of the other thread's block in the grid.</param>
/// <param name="Thread">Number of the other thread in its block.</param>
/// <param name="Line">Line of the other instruction.</param>
/// <param name="OtherWrote">The other access is the write, or one of two.</param>
internal readonly record struct Conflict(Finding Finding, int Block, int Thread, int Line, bool OtherWrote);

internal sealed class RaceDetector(HappensBefore order)
{
    private const uint StampMask = (1u << 28) - 1;

    /// <summary>In Writer: the write was strong.</summary>
    private const uint StrongFlag = 1u << 31;

    /// <summary>In Reader: somebody read through the read-only path.</summary>
    private const uint NonCoherentFlag = 1u << 31;

    /// <summary>In Reader: several threads of the block read.</summary>
    private const uint SeveralFlag = 1u << 30;

    /// <summary>In Reader: several blocks read.</summary>
    private const uint SeveralBlocksFlag = 1u << 29;

    /// <summary>The largest stamp that fits a cell.</summary>
    internal const uint LastStamp = StampMask;

    /// <summary>Records a read; returns what it conflicts with.</summary>
    internal Conflict? Read(ThreadOrder thread, Span<AccessCell> cells, AccessKind kind, int line)
    {
        var mine = order.StampOf(thread);
        foreach (ref var cell in cells)
        {
            var writer = cell.Writer & StampMask;
            if (writer >= order.FirstStamp)
            {
                if (kind == AccessKind.NonCoherent)
                {
                    return Describe(Finding.BrokenReadOnlyPromise, writer, cell.WriterLine, otherWrote: true);
                }
                var bothAreStrong = kind == AccessKind.Strong && (cell.Writer & StrongFlag) != 0;
                if (writer != mine && !bothAreStrong && !order.Precedes(writer, thread))
                {
                    return Describe(Finding.Race, writer, cell.WriterLine, otherWrote: true);
                }
            }
            if (kind != AccessKind.Strong)
            {
                RecordRead(ref cell, thread, mine, kind, line);
            }
        }
        return null;
    }

    private void RecordRead(ref AccessCell cell, ThreadOrder thread, uint mine, AccessKind kind, int line)
    {
        var flags = kind == AccessKind.NonCoherent ? NonCoherentFlag : 0;
        var reader = cell.Reader & StampMask;
        if (reader >= order.FirstStamp && reader != mine)
        {
            flags |= cell.Reader & ~StampMask;
            if (order.WhoDid(reader).Block != thread.Block.Index)
            {
                flags |= SeveralBlocksFlag;
            }
            else if (order.WholeEpochPrecedes(reader, thread))
            {
                flags &= ~SeveralFlag;
            }
            else if (!order.Precedes(reader, thread))
            {
                flags |= SeveralFlag;
            }
        }
        else if (reader == mine)
        {
            flags |= cell.Reader & ~StampMask;
        }
        cell.Reader = mine | flags;
        cell.ReaderLine = line;
    }

    /// <summary>Records a write, plain or strong; returns what it conflicts with.</summary>
    internal Conflict? Write(ThreadOrder thread, Span<AccessCell> cells, AccessKind kind, int line)
    {
        var mine = order.StampOf(thread);
        foreach (ref var cell in cells)
        {
            var writer = cell.Writer & StampMask;
            if (writer >= order.FirstStamp && writer != mine)
            {
                var bothAreStrong = kind == AccessKind.Strong && (cell.Writer & StrongFlag) != 0;
                if (!bothAreStrong && !order.Precedes(writer, thread))
                {
                    return Describe(Finding.Race, writer, cell.WriterLine, otherWrote: true);
                }
            }
            var reader = cell.Reader & StampMask;
            if (reader >= order.FirstStamp)
            {
                if ((cell.Reader & NonCoherentFlag) != 0)
                {
                    return Describe(Finding.BrokenReadOnlyPromise, reader, cell.ReaderLine, otherWrote: false);
                }
                if (!ReadsPrecede(cell.Reader, reader, thread, mine))
                {
                    return Describe(Finding.Race, reader, cell.ReaderLine, otherWrote: false);
                }
            }
            cell.Writer = mine | (kind == AccessKind.Strong ? StrongFlag : 0);
            cell.WriterLine = line;
            cell.Reader = 0;
        }
        return null;
    }

    private bool ReadsPrecede(uint flags, uint reader, ThreadOrder thread, uint mine) =>
        (flags & SeveralBlocksFlag) == 0
        && (
            (flags & SeveralFlag) != 0
                ? order.WholeEpochPrecedes(reader, thread)
                : reader == mine || order.Precedes(reader, thread)
        );

    private Conflict Describe(Finding finding, uint stamp, int line, bool otherWrote)
    {
        var (block, thread) = order.WhoDid(stamp);
        return new Conflict(finding, block, thread, line, otherWrote);
    }
}
