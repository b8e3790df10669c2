// The place of a thread in the order of things. Its clock advances at every fence and warp barrier, the block's epoch at every
// barrier of the block: an access is dated by both.

namespace FlowBP.Cuda.Interpreter.Ordering;

/// <summary>What the threads of a block share.</summary>
internal sealed class BlockOrder(int index)
{
    /// <summary>The block's number in the grid.</summary>
    internal int Index { get; } = index;

    /// <summary>Barriers passed.</summary>
    internal int Epoch { get; set; }

    /// <summary>What all threads know of other blocks, through barriers.</summary>
    internal Knowledge? Acquired { get; set; }
}

/// <summary>The place of one thread.</summary>
/// <param name="block">Its block.</param>
/// <param name="thread">Its number in the block.</param>
internal sealed class ThreadOrder(BlockOrder block, int thread)
{
    internal BlockOrder Block { get; } = block;

    internal int Thread { get; } = thread;

    /// <summary>Fences and warp barriers passed.</summary>
    internal int Clock { get; private set; }

    /// <summary>The date that accesses get now; 0 until the first one.</summary>
    internal uint Stamp { get; set; }

    /// <summary>What this thread knows of others since the last barrier, through fences, atomics and warp barriers.</summary>
    internal Knowledge? Acquired { get; set; }

    /// <summary>What a fence made ready to be published by a later strong write.</summary>
    internal Release? Ready { get; set; }

    /// <summary>What strong reads saw, and a later fence will make known.</summary>
    internal List<(List<Release> Releases, int Count)> Seen { get; } = [];

    /// <summary>Dates later accesses after what was just published.</summary>
    internal void Advance()
    {
        Clock++;
        Stamp = 0;
    }

    /// <summary>All that this thread may publish: its own accesses, what its block's barriers ordered, what it learnt.</summary>
    internal Knowledge Known()
    {
        var known = new Knowledge();
        known.AddEpochs(Block.Index, Block.Epoch);
        known.AddThread(Block.Index, Thread, Clock + 1);
        if (Block.Acquired is { } shared)
        {
            known.Add(shared);
        }
        if (Acquired is { } own)
        {
            known.Add(own);
        }
        return known;
    }

    internal void Learn(Knowledge knowledge)
    {
        Acquired ??= new Knowledge();
        Acquired.Add(knowledge);
    }
}

/// <summary>Published knowledge.</summary>
/// <param name="Knowledge">What was published.</param>
/// <param name="Block">Number of the block of the thread that published it.</param>
/// <param name="IsDeviceWide">Published by a fence of the device or the system: other blocks may take it too.</param>
internal sealed record Release(Knowledge Knowledge, int Block, bool IsDeviceWide);
