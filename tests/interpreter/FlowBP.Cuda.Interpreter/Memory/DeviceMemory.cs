// Global memory: regions of host memory, ordered by address. Allocations lie apart from each other, so that an access past
// the end of one doesn't land in the next, and stay reserved for a while after they are given back, so that a late access
// can be told from a wild one.

using System.Runtime.InteropServices;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Memory;

internal sealed unsafe class DeviceMemory(long capacity) : IDisposable
{
    private const int Alignment = 256;
    private const int Gap = 4096;
    private const long QuarantineBytes = 64L << 20;

    private readonly SortedList<ulong, MemoryRegion> _regions = [];
    private readonly Queue<MemoryRegion> _quarantine = [];
    private readonly HashSet<MemoryRegion> _owned = [];
    private long _quarantined;
    private int _allocations;

    /// <summary>Bytes allocated and not given back.</summary>
    internal long AllocatedBytes { get; private set; }

    internal IEnumerable<MemoryRegion> Regions => _regions.Values;

    /// <summary>New memory of the allocator's own; null if there isn't as much.</summary>
    internal MemoryRegion? Allocate(long bytes)
    {
        if (bytes > capacity - AllocatedBytes)
        {
            return null;
        }
        var region = Add($"allocation {++_allocations}", StateSpace.Global, bytes, isVariable: false);
        AllocatedBytes += bytes;
        return region;
    }

    /// <summary>A variable of a module.</summary>
    internal MemoryRegion AddVariable(string name, StateSpace space, long bytes) =>
        Add(name, space, bytes, isVariable: true);

    /// <summary>Memory of someone else that kernels may use.</summary>
    internal void Map(nint pointer, long bytes)
    {
        var region = new MemoryRegion(
            $"mapped memory {++_allocations}",
            StateSpace.Global,
            (ulong)pointer,
            (byte*)pointer,
            bytes,
            MemoryState.Initialized
        );
        if (AddressSpace.Of(region.Address) != StateSpace.Global)
        {
            throw new InterpreterException(
                Finding.BadHandle,
                $"0x{pointer:x} is too low for an address of memory to map"
            );
        }
        var next = IndexBehind(region.End - 1);
        if (next > 0 && _regions.Values[next - 1] is { } overlapping && overlapping.End > region.Address)
        {
            throw new InterpreterException(Finding.BadHandle, $"the memory to map overlaps {overlapping.Name}");
        }
        _regions.Add(region.Address, region);
    }

    /// <summary>Gives back what begins at a pointer; null if nothing does.</summary>
    internal MemoryRegion? Remove(nint pointer)
    {
        if (!_regions.TryGetValue((ulong)pointer, out var region) || region.IsFreed || region.IsVariable)
        {
            return null;
        }
        region.IsFreed = true;
        if (!_owned.Contains(region))
        {
            _regions.Remove(region.Address);
            return region;
        }
        AllocatedBytes -= region.Bytes;
        _quarantine.Enqueue(region);
        _quarantined += region.Bytes;
        while (_quarantined > QuarantineBytes)
        {
            var oldest = _quarantine.Dequeue();
            _quarantined -= oldest.Bytes;
            Release(oldest);
        }
        return region;
    }

    /// <summary>Removes a variable of an unloaded module.</summary>
    internal void Release(MemoryRegion region)
    {
        _regions.Remove(region.Address);
        if (_owned.Remove(region))
        {
            NativeMemory.AlignedFree(region.Data - Gap);
        }
        region.IsFreed = true;
    }

    /// <summary>The region that contains a range of addresses; null if none does.</summary>
    internal MemoryRegion? Find(ulong address, long bytes)
    {
        var next = IndexBehind(address);
        return next > 0 && _regions.Values[next - 1] is { } region && region.Contains(address, bytes) ? region : null;
    }

    /// <summary>The region closest to an address; null if there are none.</summary>
    internal MemoryRegion? Nearest(ulong address)
    {
        var next = IndexBehind(address);
        var before = next > 0 ? _regions.Values[next - 1] : null;
        var behind = next < _regions.Count ? _regions.Values[next] : null;
        return before is null || behind is null ? before ?? behind
            : before.Distance(address) <= behind.Distance(address) ? before
            : behind;
    }

    /// <summary>The first region that begins behind an address.</summary>
    private int IndexBehind(ulong address)
    {
        var addresses = _regions.Keys;
        var (low, high) = (0, addresses.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (addresses[middle] <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        return low;
    }

    public void Dispose()
    {
        foreach (var region in _owned.ToArray())
        {
            Release(region);
        }
        _regions.Clear();
        _quarantine.Clear();
    }

    private MemoryRegion Add(string name, StateSpace space, long bytes, bool isVariable)
    {
        var block = (byte*)NativeMemory.AlignedAlloc((nuint)(bytes + (2 * Gap)), Alignment);
        var data = block + Gap;
        var state = isVariable ? MemoryState.Initialized : MemoryState.Uninitialized;
        var region = new MemoryRegion(name, space, (ulong)data, data, bytes, state) { IsVariable = isVariable };
        _regions.Add(region.Address, region);
        _owned.Add(region);
        return region;
    }
}
