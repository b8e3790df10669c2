// Up to 32 threads, and the instructions in which they exchange values. A lane that reaches one waits until all lanes of its
// mask are there.

using System.Numerics;
using FlowBP.Cuda.Interpreter.Arithmetic;
using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Ordering;

namespace FlowBP.Cuda.Interpreter.Execution;

internal sealed class Warp(KernelLaunch launch, KernelThread[] lanes)
{
    /// <summary>A lane used up its turn and may go on.</summary>
    internal bool HasReadyThread => Array.Exists(lanes, lane => lane.State == ThreadState.Ready);

    /// <summary>Runs all lanes until each has ended, waits at a barrier, or used up its turn.</summary>
    internal void Run()
    {
        do
        {
            foreach (var lane in lanes)
            {
                if (lane.State == ThreadState.Ready)
                {
                    launch.Processor.Run(lane);
                }
            }
        } while (Exchange());
    }

    /// <summary>Executes the warp instructions for which all lanes have arrived; false if there is none.</summary>
    private bool Exchange()
    {
        var waiting = 0u;
        foreach (var lane in lanes)
        {
            if (lane.State == ThreadState.AtWarpInstruction)
            {
                waiting |= 1u << lane.Lane;
            }
        }
        var progress = false;
        while (waiting != 0)
        {
            var first = lanes[BitOperations.TrailingZeroCount(waiting)];
            var mask = MaskOf(first);
            CheckMask(first, mask);
            waiting &= ~(1u << first.Lane);
            if (!Array.TrueForAll(lanes, lane => (mask >> lane.Lane & 1) == 0 || IsWith(lane, first)))
            {
                continue;
            }
            waiting &= ~mask;
            Execute(first, mask);
            progress = true;
        }
        return progress;
    }

    private static uint MaskOf(KernelThread lane) => (uint)lane.Slots[((WarpInstruction)lane.Instruction.Detail!).Mask];

    private static bool IsWith(KernelThread lane, KernelThread first) =>
        lane.State == ThreadState.AtWarpInstruction
        && lane.Code == first.Code
        && lane.Next == first.Next
        && MaskOf(lane) == MaskOf(first);

    private void CheckMask(KernelThread thread, uint mask)
    {
        if ((mask >> thread.Lane & 1) == 0)
        {
            throw launch.Error(Finding.WarpMisuse, thread, $"lane {thread.Lane} is not in its own mask 0x{mask:x8}");
        }
        for (var lane = 0; lane < 32; lane++)
        {
            if ((mask >> lane & 1) == 0)
            {
                continue;
            }
            if (lane >= lanes.Length)
            {
                throw launch.Error(
                    Finding.WarpMisuse,
                    thread,
                    $"the mask 0x{mask:x8} names lane {lane}, but the block has only {lanes.Length} threads in this warp"
                );
            }
            if (lanes[lane].State == ThreadState.Exited)
            {
                throw launch.Error(
                    Finding.WarpMisuse,
                    thread,
                    $"the mask 0x{mask:x8} names lane {lane}, thread {lanes[lane].Position}, which has returned"
                );
            }
        }
    }

    private void Execute(KernelThread first, uint mask)
    {
        var instruction = (WarpInstruction)first.Instruction.Detail!;
        var members = Array.FindAll(lanes, lane => (mask >> lane.Lane & 1) != 0);
        // All values are read before any is written: a destination may be a source of another lane.
        var values = new ulong[32];
        foreach (var lane in members)
        {
            values[lane.Lane] =
                instruction.Value < 0 ? 0
                : instruction.ValueIsNegated ? lane.Slots[instruction.Value] ^ 1
                : lane.Slots[instruction.Value];
        }
        if (instruction.Operation == WarpOperation.Barrier)
        {
            HappensBefore.WarpBarrier(Array.ConvertAll(members, lane => lane.Order));
        }
        foreach (var lane in members)
        {
            var (value, predicate) = Result(instruction, lane, members, values, mask);
            if (instruction.Destination >= 0)
            {
                lane.Slots[instruction.Destination] = value;
            }
            if (instruction.Predicate >= 0)
            {
                lane.Slots[instruction.Predicate] = Bits.Of(predicate);
            }
        }
        foreach (var lane in members)
        {
            lane.Next++;
            lane.State = ThreadState.Ready;
        }
    }

    private (ulong Value, bool Predicate) Result(
        WarpInstruction instruction,
        KernelThread lane,
        KernelThread[] members,
        ulong[] values,
        uint mask
    )
    {
        var mine = values[lane.Lane];
        switch (instruction.Operation)
        {
            case WarpOperation.VoteAll:
                return (Bits.Of(Array.TrueForAll(members, other => values[other.Lane] != 0)), false);
            case WarpOperation.VoteAny:
                return (Bits.Of(Array.Exists(members, other => values[other.Lane] != 0)), false);
            case WarpOperation.VoteUniform:
                return (Bits.Of(Array.TrueForAll(members, other => values[other.Lane] == mine)), false);
            case WarpOperation.Ballot:
                return (MaskWhere(members, other => values[other.Lane] != 0), false);
            case WarpOperation.MatchAny:
                return (MaskWhere(members, other => values[other.Lane] == mine), false);
            case WarpOperation.MatchAll:
                var agree = Array.TrueForAll(members, other => values[other.Lane] == mine);
                return (agree ? mask : 0, agree);
            case WarpOperation.Reduce:
                return (
                    members.Select(other => values[other.Lane]).Aggregate((a, b) => instruction.Reduction!(a, b)),
                    false
                );
            case WarpOperation.Barrier:
                return (0, false);
            default:
                return Shuffle(instruction, lane, values, mask);
        }
    }

    private static ulong MaskWhere(KernelThread[] members, Predicate<KernelThread> condition) =>
        members.Where(lane => condition(lane)).Aggregate(0UL, (mask, lane) => mask | (1UL << lane.Lane));

    private (ulong Value, bool Predicate) Shuffle(
        WarpInstruction instruction,
        KernelThread lane,
        ulong[] values,
        uint mask
    )
    {
        var clamp = (int)lane.Slots[instruction.Clamp];
        var amount = (int)(lane.Slots[instruction.Lane] & 31);
        var segment = (clamp >> 8) & 31;
        var lowest = lane.Lane & segment;
        var highest = lowest | (clamp & 31 & ~segment);
        var source = instruction.Operation switch
        {
            WarpOperation.ShuffleUp => lane.Lane - amount,
            WarpOperation.ShuffleDown => lane.Lane + amount,
            WarpOperation.ShuffleXor => lane.Lane ^ amount,
            _ => lowest | (amount & ~segment),
        };
        var isInside = instruction.Operation == WarpOperation.ShuffleUp ? source >= highest : source <= highest;
        if (!isInside)
        {
            return (values[lane.Lane], false);
        }
        if ((mask >> source & 1) == 0)
        {
            throw launch.Error(
                Finding.WarpMisuse,
                lane,
                $"lane {lane.Lane} reads lane {source}, which is not in the mask 0x{mask:x8}: its value is undefined"
            );
        }
        return (values[source], true);
    }
}
