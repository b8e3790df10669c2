// Memory of the driver's own, copies, and waiting for a stream. Tensors need none of it: kernels work on libtorch's pointers. It
// serves tests, benchmarks and the small tables and results of reductions.

using System.Globalization;
using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda;

public sealed unsafe partial class CudaDriver
{
    /// <inheritdoc/>
    public nint Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (bytes == 0)
        {
            return 0;
        }
        using var entered = Enter();
        nint pointer = 0;
        var result = DriverMethods.cuMemAlloc_v2(&pointer, (nuint)bytes);
        if (result != DriverResult.Success)
        {
            var advice = result == DriverResult.OutOfMemory ? FreeMemory() : "";
            throw DriverCall.Failure(result, $"cuMemAlloc of {Size(bytes)} on GPU {Ordinal}", advice: advice);
        }
        return pointer;
    }

    private string FreeMemory()
    {
        var (free, total) = Memory();
        return $"{Size(free)} of {Size(total)} are free: make the batch or its chunks smaller, or end what else uses this GPU";
    }

    /// <summary>The device's memory in bytes: what is free of it, and all of it. libtorch's cache counts as used.</summary>
    public (long Free, long Total) Memory()
    {
        using var entered = Enter();
        nuint free = 0;
        nuint total = 0;
        DriverCall.Check(DriverMethods.cuMemGetInfo_v2(&free, &total), nameof(DriverMethods.cuMemGetInfo_v2));
        return ((long)free, (long)total);
    }

    private static string Size(long bytes)
    {
        const double mebibyte = 1 << 20;
        const double gibibyte = 1 << 30;
        return bytes switch
        {
            >= 1 << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / gibibyte:0.0} GiB"),
            >= 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / mebibyte:0.0} MiB"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes"),
        };
    }

    /// <inheritdoc/>
    public void Free(nint pointer)
    {
        if (pointer != 0)
        {
            using var entered = Enter();
            DriverCall.Check(DriverMethods.cuMemFree_v2(pointer), nameof(DriverMethods.cuMemFree_v2));
        }
    }

    /// <inheritdoc/>
    public void CopyToDevice(nint destination, ReadOnlySpan<byte> source, nint stream)
    {
        if (source.IsEmpty)
        {
            return;
        }
        using var entered = Enter();
        fixed (byte* bytes = source)
        {
            DriverCall.Check(
                DriverMethods.cuMemcpyHtoDAsync_v2(destination, bytes, (nuint)source.Length, stream),
                $"cuMemcpyHtoDAsync of {Size(source.Length)}"
            );
            // Pageable memory is staged before the call returns, page-locked memory is not: only waiting is right for both.
            DriverCall.Check(DriverMethods.cuStreamSynchronize(stream), nameof(DriverMethods.cuStreamSynchronize));
        }
    }

    /// <inheritdoc/>
    public void CopyToHost(Span<byte> destination, nint source, nint stream)
    {
        if (destination.IsEmpty)
        {
            return;
        }
        using var entered = Enter();
        fixed (byte* bytes = destination)
        {
            DriverCall.Check(
                DriverMethods.cuMemcpyDtoHAsync_v2(bytes, source, (nuint)destination.Length, stream),
                $"cuMemcpyDtoHAsync of {Size(destination.Length)}"
            );
            DriverCall.Check(DriverMethods.cuStreamSynchronize(stream), nameof(DriverMethods.cuStreamSynchronize));
        }
    }

    /// <inheritdoc/>
    public void Fill(nint destination, byte value, long bytes, nint stream)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (bytes > 0)
        {
            using var entered = Enter();
            DriverCall.Check(
                DriverMethods.cuMemsetD8Async(destination, value, (nuint)bytes, stream),
                $"cuMemsetD8Async of {Size(bytes)}"
            );
        }
    }

    /// <inheritdoc/>
    public void Synchronize(nint stream)
    {
        using var entered = Enter();
        DriverCall.Check(DriverMethods.cuStreamSynchronize(stream), nameof(DriverMethods.cuStreamSynchronize));
    }

    /// <summary>Whether all that was queued on a stream has been done; nothing is waited for.</summary>
    /// <param name="stream">CUstream; 0 is the default stream.</param>
    /// <exception cref="CudaException">Something that was queued has failed.</exception>
    public bool IsIdle(nint stream)
    {
        using var entered = Enter();
        var result = DriverMethods.cuStreamQuery(stream);
        if (result == DriverResult.NotReady)
        {
            return false;
        }
        DriverCall.Check(result, nameof(DriverMethods.cuStreamQuery));
        return true;
    }

    /// <summary>Number of the device that memory lies on; null where the driver does not know the address.</summary>
    /// <param name="pointer">CUdeviceptr.</param>
    public int? OrdinalOf(nint pointer)
    {
        using var entered = Enter();
        var ordinal = 0;
        var result = DriverMethods.cuPointerGetAttribute(&ordinal, PointerAttribute.DeviceOrdinal, pointer);
        // A pointer of the host's own is an invalid value to the driver.
        return result == DriverResult.Success ? ordinal : null;
    }
}
