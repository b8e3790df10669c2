// What a thread can be sure to see of what other threads wrote: for each block, everything before one of its barriers, and
// for single threads of it, everything before one of their fences.

namespace FlowBP.Cuda.Interpreter.Ordering;

internal sealed class Knowledge
{
    private readonly Dictionary<int, BlockKnowledge> _blocks = [];

    /// <summary>Adds everything that a block's threads did before its barrier number <paramref name="epoch"/>.</summary>
    internal void AddEpochs(int block, int epoch)
    {
        var known = Of(block);
        known.Epoch = Math.Max(known.Epoch, epoch);
    }

    /// <summary>Adds what one thread of a block did before its clock showed <paramref name="clock"/>.</summary>
    internal void AddThread(int block, int thread, int clock)
    {
        var known = Of(block);
        known.Clocks ??= [];
        known.Clocks[thread] = Math.Max(clock, known.Clocks.GetValueOrDefault(thread));
    }

    internal void Add(Knowledge other)
    {
        foreach (var (block, known) in other._blocks)
        {
            AddEpochs(block, known.Epoch);
            foreach (var (thread, clock) in known.Clocks ?? [])
            {
                AddThread(block, thread, clock);
            }
        }
    }

    /// <summary>Whether what a thread did in an epoch of its block, at a reading of its clock, is known.</summary>
    internal bool Covers(int block, int thread, int epoch, int clock) =>
        _blocks.TryGetValue(block, out var known)
        && (epoch < known.Epoch || (known.Clocks is { } clocks && clock < clocks.GetValueOrDefault(thread)));

    private BlockKnowledge Of(int block)
    {
        if (!_blocks.TryGetValue(block, out var known))
        {
            _blocks.Add(block, known = new BlockKnowledge());
        }
        return known;
    }

    private sealed class BlockKnowledge
    {
        internal int Epoch { get; set; }

        internal Dictionary<int, int>? Clocks { get; set; }
    }
}
