// One thread of a block: its registers, where it is in the code, and what it waits for. The objects are used again for the
// next block.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Memory;
using FlowBP.Cuda.Interpreter.Ordering;

namespace FlowBP.Cuda.Interpreter.Execution;

internal enum ThreadState
{
    Ready,
    AtBarrier,
    AtWarpInstruction,
    Exited,
}

internal sealed class KernelThread
{
    private readonly Stack<Frame> _callers = [];
    private readonly Stack<ulong[]> _spareSlots = [];
    private ulong[] _entrySlots = [];
    private FunctionCode? _entry;

    /// <param name="launch">The launch that it belongs to.</param>
    /// <param name="index">Its number in the block.</param>
    internal KernelThread(KernelLaunch launch, int index)
    {
        Launch = launch;
        Index = index;
        var shape = launch.Block;
        Position = new Dim3(index % shape.X, index / shape.X % shape.Y, index / shape.X / shape.Y);
        Block = null!;
        Order = null!;
        Code = null!;
        Slots = [];
        Private = new PrivateMemory();
    }

    internal KernelLaunch Launch { get; }

    internal BlockRun Block { get; private set; }

    internal int Index { get; }

    internal Dim3 Position { get; }

    internal int Lane => Index % 32;

    internal ThreadOrder Order { get; private set; }

    internal ThreadState State { get; set; }

    /// <summary>Number of instructions executed.</summary>
    internal long Executed { get; set; }

    /// <summary>The function that runs.</summary>
    internal FunctionCode Code { get; private set; }

    /// <summary>The next instruction.</summary>
    internal int Next { get; set; }

    /// <summary>The register file of the function that runs.</summary>
    internal ulong[] Slots { get; private set; }

    /// <summary>Local variables and parameters of calls.</summary>
    internal PrivateMemory Private { get; }

    internal Instruction Instruction => Code.Instructions[Next];

    /// <summary>Begins a kernel.</summary>
    internal void Start(BlockRun block, FunctionCode kernel)
    {
        Block = block;
        Order = new ThreadOrder(block.Order, Index);
        State = ThreadState.Ready;
        Executed = 0;
        _callers.Clear();
        Private.Clear();
        if (_entry != kernel)
        {
            _entry = kernel;
            _entrySlots = new ulong[kernel.InitialSlots.Length];
        }
        Enter(kernel, _entrySlots);
    }

    /// <summary>Begins a function; the caller goes on behind the call.</summary>
    internal void Call(CallTarget site)
    {
        var caller = Private.Frame;
        _callers.Push(new Frame(Code, Slots, Next + 1, caller, site));
        var slots =
            _spareSlots.TryPop(out var spare) && spare.Length >= site.Callee.InitialSlots.Length
                ? spare
                : new ulong[site.Callee.InitialSlots.Length];
        Enter(site.Callee, slots);
        for (var i = 0; i < site.Arguments.Length; i++)
        {
            Private.Copy(
                caller + site.Arguments[i],
                Private.Frame + site.Callee.Parameters[i].Offset,
                site.Callee.Parameters[i].Bytes
            );
        }
    }

    /// <summary>Ends a function; false where it was the kernel.</summary>
    internal bool Return()
    {
        if (!_callers.TryPop(out var caller))
        {
            return false;
        }
        var callee = Private.Frame;
        for (var i = 0; i < caller.Site.Results.Length; i++)
        {
            var result = caller.Site.Callee.Results[i];
            Private.Copy(callee + result.Offset, caller.PrivateFrame + caller.Site.Results[i], result.Bytes);
        }
        _spareSlots.Push(Slots);
        Private.Leave(caller.PrivateFrame);
        (Code, Slots, Next) = (caller.Code, caller.Slots, caller.Position);
        return true;
    }

    private void Enter(FunctionCode code, ulong[] slots)
    {
        (Code, Slots, Next) = (code, slots, 0);
        code.InitialSlots.AsSpan().CopyTo(slots);
        foreach (var (slot, value) in code.SpecialSlots)
        {
            slots[slot] = value(this);
        }
        Private.Enter(code);
        foreach (var (slot, offset) in code.PrivateSlots)
        {
            slots[slot] = AddressSpace.Private + (ulong)(Private.Frame + offset);
        }
    }

    private sealed record Frame(FunctionCode Code, ulong[] Slots, int Position, long PrivateFrame, CallTarget Site);
}
