// One block. Threads run one after another, each until it ends or has to wait for others: warp by warp, so that exchanges
// within a warp are resolved while its registers are at hand, and then on to the next barrier of the block.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Ordering;

namespace FlowBP.Cuda.Interpreter.Execution;

internal sealed class BlockRun
{
    private readonly KernelLaunch _launch;
    private readonly Random? _shuffle;

    internal BlockRun(KernelLaunch launch, Dim3 position, int index, Random? shuffle)
    {
        (_launch, _shuffle) = (launch, shuffle);
        Position = position;
        Order = new BlockOrder(index);
    }

    internal Dim3 Position { get; }

    internal BlockOrder Order { get; }

    internal void Run(FunctionCode kernel)
    {
        var threads = _launch.Threads;
        foreach (var thread in threads)
        {
            thread.Start(this, kernel);
        }
        var warps = threads.Chunk(32).Select(lanes => new Warp(_launch, lanes)).ToArray();
        while (true)
        {
            _shuffle?.Shuffle(warps);
            var someoneIsReady = false;
            foreach (var warp in warps)
            {
                warp.Run();
                someoneIsReady |= warp.HasReadyThread;
            }
            // A thread that is still ready used up its turn: it may wait, in a loop, for another thread of the block.
            if (someoneIsReady)
            {
                continue;
            }
            if (Array.TrueForAll(threads, thread => thread.State == ThreadState.Exited))
            {
                break;
            }
            PassBarrier(threads);
        }
        foreach (var thread in threads)
        {
            _launch.Executed += thread.Executed;
        }
    }

    private void PassBarrier(KernelThread[] threads)
    {
        CheckBarrier(threads);
        var barriers = threads.Select(thread => (thread, Barrier: (BarrierInstruction)thread.Instruction.Detail!));
        var votes = barriers.Count(pair =>
            pair.Barrier.Predicate >= 0
            && (pair.thread.Slots[pair.Barrier.Predicate] != 0) != pair.Barrier.PredicateIsNegated
        );
        foreach (var thread in threads)
        {
            var barrier = (BarrierInstruction)thread.Instruction.Detail!;
            if (barrier.Destination >= 0)
            {
                thread.Slots[barrier.Destination] = barrier.Reduction switch
                {
                    BarrierReduction.Count => (ulong)votes,
                    BarrierReduction.And => votes == threads.Length ? 1UL : 0,
                    _ => votes > 0 ? 1UL : 0,
                };
            }
            thread.Next++;
            thread.State = ThreadState.Ready;
        }
        HappensBefore.BlockBarrier(Order, threads.Select(thread => thread.Order));
    }

    private void CheckBarrier(KernelThread[] threads)
    {
        var stuck = threads.FirstOrDefault(thread => thread.State == ThreadState.AtWarpInstruction);
        if (stuck is not null)
        {
            throw _launch.Error(
                Finding.WarpMisuse,
                stuck,
                "the lanes of its mask never all arrive: some wait at another instruction"
            );
        }
        var first = threads.First(thread => thread.State == ThreadState.AtBarrier);
        var missing = threads.FirstOrDefault(thread => thread.State == ThreadState.Exited);
        if (missing is not null)
        {
            var arrived = threads.Count(thread => thread.State == ThreadState.AtBarrier);
            throw _launch.Error(
                Finding.DivergentBarrier,
                first,
                $"{arrived} of {threads.Length} threads wait at the barrier, and the others have returned, "
                    + $"the first of them thread {missing.Position}"
            );
        }
        var elsewhere = threads.FirstOrDefault(thread => thread.Code != first.Code || thread.Next != first.Next);
        if (elsewhere is not null)
        {
            var line = elsewhere.Code.Function.Instructions[elsewhere.Next].Line;
            throw _launch.Error(
                Finding.DivergentBarrier,
                first,
                $"thread {elsewhere.Position} of the same block waits at another barrier, {_launch.Where(line)}"
            );
        }
        foreach (var thread in threads)
        {
            var count = ((BarrierInstruction)thread.Instruction.Detail!).Threads;
            if (count >= 0 && thread.Slots[count] != (ulong)threads.Length)
            {
                throw _launch.Error(
                    Finding.UnsupportedPtx,
                    thread,
                    $"barriers of a part of the block ({thread.Slots[count]} of {threads.Length} threads) are not supported"
                );
            }
        }
    }
}
