// A piece of memory with bounds: an allocation, a variable of a module, a block's shared memory, a thread's own memory, a
// launch's parameters.

using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Memory;

internal sealed unsafe class MemoryRegion
{
    /// <param name="name">What it is called in messages: "allocation 3".</param>
    /// <param name="space">The state space that reaches it.</param>
    /// <param name="address">What kernels call its first byte.</param>
    /// <param name="data">Where its first byte is.</param>
    /// <param name="bytes">Size.</param>
    /// <param name="state">Of all its bytes.</param>
    internal MemoryRegion(string name, StateSpace space, ulong address, byte* data, long bytes, MemoryState state)
    {
        (Name, Space, Address, Bytes) = (name, space, address, bytes);
        Data = data;
        Shadow = new ShadowMemory(address, bytes, state);
    }

    internal string Name { get; }

    internal StateSpace Space { get; }

    internal ulong Address { get; }

    internal byte* Data { get; }

    internal long Bytes { get; }

    internal ulong End => Address + (ulong)Bytes;

    internal ShadowMemory Shadow { get; }

    /// <summary>It belongs to a module and can't be given back.</summary>
    internal bool IsVariable { get; init; }

    /// <summary>Given back: no access is right.</summary>
    internal bool IsFreed { get; set; }

    /// <summary>A kernel of the launch in progress has read it.</summary>
    internal bool WasRead { get; set; }

    /// <summary>A kernel of the launch in progress has written it.</summary>
    internal bool WasWritten { get; set; }

    internal bool Contains(ulong address, long bytes) =>
        address >= Address && bytes <= Bytes && address - Address <= (ulong)(Bytes - bytes);

    /// <summary>Where an address of the region is.</summary>
    internal byte* At(ulong address) => Data + (address - Address);

    /// <summary>Bytes between an address and the region; 0 inside.</summary>
    internal ulong Distance(ulong address) =>
        address < Address ? Address - address
        : address >= End ? address - End + 1
        : 0;

    /// <summary>Where an address lies, in words: "8 bytes past the end of allocation 3 (4096 bytes)".</summary>
    internal string Place(ulong address) =>
        address < Address ? $"{Address - address} bytes before {Name} ({Bytes} bytes)"
        : address >= End ? $"{address - End} bytes past the end of {Name} ({Bytes} bytes)"
        : $"byte {address - Address} of {Name} ({Bytes} bytes)";
}
