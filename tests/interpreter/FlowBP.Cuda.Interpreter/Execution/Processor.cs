// Executes a thread until it ends, waits for others, or has used up its turn. One switch over compact instructions; the
// operands' slots were resolved when the module was loaded.

using System.Runtime.CompilerServices;
using FlowBP.Cuda.Interpreter.Arithmetic;
using FlowBP.Cuda.Interpreter.Decoding;

namespace FlowBP.Cuda.Interpreter.Execution;

internal sealed unsafe class Processor(KernelLaunch launch, MemoryUnit memory)
{
    /// <summary>Instructions of a turn: long enough for any kernel between two barriers, short enough for one that spins.</summary>
    private const int TurnInstructions = 1 << 20;

    internal void Run(KernelThread thread)
    {
        var left = TurnInstructions;
        while (thread.State == ThreadState.Ready && left > 0)
        {
            var before = left;
            RunInFunction(thread, ref left);
            thread.Executed += before - left;
        }
        if (thread.Executed > launch.Options.MaxInstructionsPerThread)
        {
            throw launch.Error(
                Finding.EndlessLoop,
                thread,
                $"executed {thread.Executed} instructions: the loop has no end, or waits for another block"
            );
        }
    }

    /// <summary>Runs until the thread stops, or the function calls or returns.</summary>
    private void RunInFunction(KernelThread thread, ref int left)
    {
        var instructions = thread.Code.Instructions;
        var next = thread.Next;
        fixed (ulong* r = thread.Slots)
        {
            while (left > 0)
            {
                left--;
                if ((uint)next >= (uint)instructions.Length)
                {
                    thread.Next = instructions.Length - 1;
                    throw launch.Error(Finding.OutOfBounds, thread, "the function ends without ret");
                }
                ref var i = ref instructions[next];
                if (i.Guard >= 0 && (r[i.Guard] != 0) == i.GuardIsNegated)
                {
                    next++;
                    continue;
                }
                switch (i.Operation)
                {
                    case Operation.Move:
                        r[i.Destination] = r[i.A];
                        break;
                    case Operation.Add32:
                        r[i.Destination] = (uint)(r[i.A] + r[i.B]);
                        break;
                    case Operation.Add64:
                        r[i.Destination] = r[i.A] + r[i.B];
                        break;
                    case Operation.Subtract32:
                        r[i.Destination] = (uint)(r[i.A] - r[i.B]);
                        break;
                    case Operation.MultiplyLow32:
                        r[i.Destination] = (uint)(r[i.A] * r[i.B]);
                        break;
                    case Operation.MultiplyAddLow32:
                        r[i.Destination] = (uint)((r[i.A] * r[i.B]) + r[i.C]);
                        break;
                    case Operation.MultiplyWideSigned32:
                        r[i.Destination] = (ulong)((long)(int)r[i.A] * (int)r[i.B]);
                        break;
                    case Operation.MultiplyWideUnsigned32:
                        r[i.Destination] = r[i.A] * r[i.B];
                        break;
                    case Operation.And:
                        r[i.Destination] = r[i.A] & r[i.B];
                        break;
                    case Operation.Or:
                        r[i.Destination] = r[i.A] | r[i.B];
                        break;
                    case Operation.ShiftLeft32:
                        r[i.Destination] = (uint)r[i.B] >= 32 ? 0 : (uint)(r[i.A] << (int)r[i.B]);
                        break;
                    case Operation.ShiftLeft64:
                        r[i.Destination] = (uint)r[i.B] >= 64 ? 0 : r[i.A] << (int)r[i.B];
                        break;
                    case Operation.ShiftRight32:
                        r[i.Destination] = (uint)r[i.B] >= 32 ? 0 : r[i.A] >> (int)r[i.B];
                        break;
                    case Operation.AddSingle:
                        r[i.Destination] = Bits.Of(Bits.Single(r[i.A]) + Bits.Single(r[i.B]));
                        break;
                    case Operation.SubtractSingle:
                        r[i.Destination] = Bits.Of(Bits.Single(r[i.A]) - Bits.Single(r[i.B]));
                        break;
                    case Operation.MultiplySingle:
                        r[i.Destination] = Bits.Of(Bits.Single(r[i.A]) * Bits.Single(r[i.B]));
                        break;
                    case Operation.MultiplyAddSingle:
                        r[i.Destination] = Bits.Of(
                            MathF.FusedMultiplyAdd(Bits.Single(r[i.A]), Bits.Single(r[i.B]), Bits.Single(r[i.C]))
                        );
                        break;
                    case Operation.LessSigned32:
                        r[i.Destination] = Bits.Of((int)r[i.A] < (int)r[i.B]);
                        break;
                    case Operation.EqualBits:
                        r[i.Destination] = Bits.Of(r[i.A] == r[i.B]);
                        break;
                    case Operation.UnequalBits:
                        r[i.Destination] = Bits.Of(r[i.A] != r[i.B]);
                        break;
                    case Operation.Select:
                        r[i.Destination] = r[i.C] != 0 ? r[i.A] : r[i.B];
                        break;
                    case Operation.Unary:
                        r[i.Destination] = Unsafe.As<Unary>(i.Detail!)(r[i.A]);
                        break;
                    case Operation.Binary:
                        thread.Next = next;
                        r[i.Destination] = Apply(thread, Unsafe.As<Binary>(i.Detail!), r[i.A], r[i.B]);
                        break;
                    case Operation.Ternary:
                        r[i.Destination] = Unsafe.As<Ternary>(i.Detail!)(r[i.A], r[i.B], r[i.C]);
                        break;
                    case Operation.Quaternary:
                        r[i.Destination] = Unsafe.As<Quaternary>(i.Detail!)(r[i.A], r[i.B], r[i.C], r[i.D]);
                        break;
                    case Operation.TernaryPair:
                        var pair = Unsafe.As<Ternary>(i.Detail!)(r[i.A], r[i.B], r[i.C]);
                        r[i.Destination] = pair & 1;
                        r[i.D] = pair >> 1;
                        break;
                    case Operation.Pack:
                        r[i.Destination] = Pack(r, Unsafe.As<int[]>(i.Detail!), i.D);
                        break;
                    case Operation.Unpack:
                        Unpack(r, Unsafe.As<int[]>(i.Detail!), i.D, r[i.A]);
                        break;
                    case Operation.Load:
                        thread.Next = next;
                        memory.Load(thread, Unsafe.As<MemoryAccess>(i.Detail!), r[i.A], r);
                        break;
                    case Operation.Store:
                        thread.Next = next;
                        memory.Store(thread, Unsafe.As<MemoryAccess>(i.Detail!), r[i.A], r);
                        break;
                    case Operation.Atomic:
                        thread.Next = next;
                        var old = memory.Update(thread, Unsafe.As<AtomicAccess>(i.Detail!), r[i.A], r[i.B], r[i.C]);
                        if (i.Destination >= 0)
                        {
                            r[i.Destination] = old;
                        }
                        break;
                    case Operation.Fence:
                        launch.Order.Fence(thread.Order, (MemoryScope)i.A == MemoryScope.Device);
                        break;
                    case Operation.Branch:
                        next = i.A;
                        continue;
                    case Operation.BranchTable:
                        thread.Next = next;
                        next = TargetOf(thread, Unsafe.As<int[]>(i.Detail!), r[i.A]);
                        continue;
                    case Operation.Call:
                        thread.Next = next;
                        thread.Call(Unsafe.As<CallTarget>(i.Detail!));
                        return;
                    case Operation.Return:
                        thread.Next = next;
                        if (!thread.Return())
                        {
                            thread.State = ThreadState.Exited;
                        }
                        return;
                    case Operation.Exit:
                        thread.Next = next;
                        thread.State = ThreadState.Exited;
                        return;
                    case Operation.Trap:
                        thread.Next = next;
                        throw launch.Error(Finding.Trap, thread, "the kernel gave up");
                    case Operation.Barrier:
                        thread.Next = next;
                        thread.State = ThreadState.AtBarrier;
                        return;
                    case Operation.Warp:
                        thread.Next = next;
                        thread.State = ThreadState.AtWarpInstruction;
                        return;
                    case Operation.ActiveMask:
                        // Threads of a warp needn't run together, and here they don't.
                        r[i.Destination] = 1UL << thread.Lane;
                        break;
                    case Operation.Clock:
                        r[i.Destination] = (ulong)(thread.Executed + TurnInstructions - left) & r[i.A];
                        break;
                    default:
                        break;
                }
                next++;
            }
            thread.Next = next;
        }
    }

    private ulong Apply(KernelThread thread, Binary function, ulong a, ulong b)
    {
        try
        {
            return function(a, b);
        }
        catch (DivideByZeroException)
        {
            throw launch.Error(Finding.DivisionByZero, thread, "an integer is divided by zero");
        }
    }

    private int TargetOf(KernelThread thread, int[] targets, ulong index) =>
        index < (ulong)targets.Length
            ? targets[index]
            : throw launch.Error(
                Finding.OutOfBounds,
                thread,
                $"a branch to place {index} of a table of {targets.Length}"
            );

    private static ulong Pack(ulong* r, int[] parts, int bits)
    {
        var whole = 0UL;
        for (var i = 0; i < parts.Length; i++)
        {
            whole |= (r[parts[i]] & Bits.Mask(bits)) << (i * bits);
        }
        return whole;
    }

    private static void Unpack(ulong* r, int[] parts, int bits, ulong whole)
    {
        for (var i = 0; i < parts.Length; i++)
        {
            r[parts[i]] = (whole >> (i * bits)) & Bits.Mask(bits);
        }
    }
}
