// Device memory, and the copies to and from it, which wait for nothing: work has run when it is queued.

using FlowBP.Cuda.Interpreter.Memory;

namespace FlowBP.Cuda.Interpreter;

public sealed unsafe partial class PtxInterpreter
{
    /// <inheritdoc/>
    public nint Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        lock (_lock)
        {
            if (bytes == 0)
            {
                return 0;
            }
            var region =
                _memory.Allocate(bytes)
                ?? throw new CudaException(
                    $"cuMemAlloc of {bytes} bytes",
                    "CUDA_ERROR_OUT_OF_MEMORY",
                    $"out of memory: {AllocatedBytes} of {_device.MemoryBytes} bytes are in use"
                );
            return (nint)region.Address;
        }
    }

    /// <inheritdoc/>
    public void Free(nint pointer)
    {
        lock (_lock)
        {
            if (pointer != 0)
            {
                Remove(pointer);
            }
        }
    }

    /// <summary>Lets kernels use memory of the host's own, such as a tensor's, under its own address.</summary>
    /// <param name="pointer">Its beginning.</param>
    /// <param name="bytes">Its size. It counts as written.</param>
    public void MapHostMemory(nint pointer, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        lock (_lock)
        {
            _memory.Map(pointer, bytes);
        }
    }

    /// <summary>Ends what <see cref="MapHostMemory"/> began.</summary>
    /// <param name="pointer">Its beginning.</param>
    public void UnmapHostMemory(nint pointer)
    {
        lock (_lock)
        {
            Remove(pointer);
        }
    }

    private void Remove(nint pointer)
    {
        var region =
            _memory.Remove(pointer)
            ?? throw new InterpreterException(
                Finding.BadHandle,
                $"0x{pointer:x} is not the beginning of an allocation, or was given back already"
            );
        _streams.Forget(region);
    }

    /// <inheritdoc/>
    public void CopyToDevice(nint destination, ReadOnlySpan<byte> source, nint stream)
    {
        lock (_lock)
        {
            Record(DriverOperationKind.CopyToDevice, stream, source.Length);
            if (source.Length == 0)
            {
                return;
            }
            var region = Range(destination, source.Length, "a copy to the device");
            _streams.Touch(region, stream, reads: false, writes: true, "a copy to the device");
            source.CopyTo(new Span<byte>((void*)destination, source.Length));
            region.Shadow.Mark((ulong)destination, source.Length, MemoryState.Initialized);
        }
    }

    /// <inheritdoc/>
    public void CopyToHost(Span<byte> destination, nint source, nint stream)
    {
        lock (_lock)
        {
            Record(DriverOperationKind.CopyToHost, stream, destination.Length);
            if (destination.Length > 0)
            {
                var region = Range(source, destination.Length, "a copy to the host");
                _streams.Touch(region, stream, reads: true, writes: false, "a copy to the host");
                if (!region.Shadow.IsInitialized((ulong)source, destination.Length))
                {
                    throw new InterpreterException(
                        Finding.Uninitialized,
                        $"a copy to the host of {destination.Length} bytes from {region.Place((ulong)source)} includes bytes "
                            + "that nothing has written"
                    );
                }
                new ReadOnlySpan<byte>((void*)source, destination.Length).CopyTo(destination);
            }
            _streams.Wait(stream);
        }
    }

    /// <inheritdoc/>
    public void Fill(nint destination, byte value, long bytes, nint stream)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        lock (_lock)
        {
            Record(DriverOperationKind.Fill, stream, bytes);
            if (bytes == 0)
            {
                return;
            }
            var region = Range(destination, bytes, "a fill");
            _streams.Touch(region, stream, reads: false, writes: true, "a fill");
            System.Runtime.InteropServices.NativeMemory.Fill((void*)destination, (nuint)bytes, value);
            region.Shadow.Mark((ulong)destination, bytes, MemoryState.Initialized);
        }
    }

    /// <inheritdoc/>
    public void Synchronize(nint stream)
    {
        lock (_lock)
        {
            Record(DriverOperationKind.Synchronize, stream, 0);
            _streams.Wait(stream);
        }
    }

    private void Record(DriverOperationKind kind, nint stream, long bytes) =>
        _operations.Add(new DriverOperation(kind, stream, "", default, default, bytes));

    private MemoryRegion Range(nint pointer, long bytes, string what)
    {
        var address = (ulong)pointer;
        var nearest = _memory.Find(address, 0) ?? _memory.Nearest(address);
        if (nearest is { IsFreed: true } && nearest.Contains(address, 0))
        {
            throw new InterpreterException(
                Finding.UseAfterFree,
                $"{what} of {bytes} bytes at {nearest.Place(address)}, which was given back"
            );
        }
        if (nearest is null || !nearest.Contains(address, bytes))
        {
            throw new InterpreterException(
                Finding.OutOfBounds,
                $"{what} of {bytes} bytes at 0x{address:x}, {nearest?.Place(address) ?? "where there is no memory"}"
            );
        }
        return nearest;
    }
}
