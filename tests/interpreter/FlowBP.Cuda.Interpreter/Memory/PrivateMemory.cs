// A thread's own memory: a stack of frames, one per function that runs. The variables of a frame lie apart, and what lies
// between them, and beyond the innermost frame, is out of bounds.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Memory;

internal sealed unsafe class PrivateMemory
{
    /// <summary>As much local memory as CUDA gives a thread at most.</summary>
    private const long LargestBytes = 512 << 10;

    private byte[] _bytes = [];
    private long _end;

    /// <summary>All frames; null before the first one that has variables.</summary>
    internal MemoryRegion? Region { get; private set; }

    /// <summary>Where the innermost frame begins.</summary>
    internal long Frame { get; private set; }

    internal void Clear() => (Frame, _end) = (0, 0);

    /// <summary>Begins a frame.</summary>
    /// <exception cref="InterpreterException">The stack is too deep.</exception>
    internal void Enter(FunctionCode code)
    {
        Frame = _end;
        _end += (code.PrivateBytes + 15) & ~15L;
        if (_end > LargestBytes)
        {
            throw new InterpreterException(
                Finding.OutOfBounds,
                $"{code.Name} needs more local memory than a thread has: {_end} bytes of {LargestBytes}"
            );
        }
        if (code.PrivateBytes == 0)
        {
            return;
        }
        if (Region is null || Region.Bytes < _end)
        {
            Grow();
        }
        Mark(Frame, Region!.Bytes - Frame, MemoryState.Inaccessible);
        foreach (var variable in code.PrivateVariables)
        {
            Mark(Frame + variable.Offset, variable.Bytes, MemoryState.Uninitialized);
        }
    }

    /// <summary>Ends the innermost frame.</summary>
    /// <param name="frame">Where the one below begins.</param>
    internal void Leave(long frame)
    {
        if (_end > Frame && Region is not null)
        {
            Mark(Frame, Region.Bytes - Frame, MemoryState.Inaccessible);
        }
        (Frame, _end) = (frame, Frame);
    }

    /// <summary>Copies a variable, written or not.</summary>
    internal void Copy(long source, long destination, long bytes)
    {
        for (var i = 0; i < bytes; i++)
        {
            _bytes[destination + i] = _bytes[source + i];
            Mark(destination + i, 1, Region!.Shadow.StateOf(AddressSpace.Private + (ulong)(source + i)));
        }
    }

    private void Mark(long offset, long bytes, MemoryState state) =>
        Region!.Shadow.Mark(AddressSpace.Private + (ulong)offset, bytes, state);

    private void Grow()
    {
        var bytes = GC.AllocateArray<byte>((int)Math.Max(2 * _end, 256), pinned: true);
        _bytes.CopyTo(bytes, 0);
        var data = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref bytes[0]);
        var region = new MemoryRegion(
            "the thread's local memory",
            StateSpace.Local,
            AddressSpace.Private,
            data,
            bytes.Length,
            MemoryState.Inaccessible
        );
        for (var i = 0; Region is not null && i < Region.Bytes; i++)
        {
            var address = AddressSpace.Private + (ulong)i;
            region.Shadow.Mark(address, 1, Region.Shadow.StateOf(address));
        }
        (_bytes, Region) = (bytes, region);
    }
}
