// Device memory that a kernel needs beside its data. It is allocated once and grows; a training step allocates nothing after the
// first. Fresh memory is zero, and the kernels leave their counters at zero.

using FlowBP.Cuda;

namespace FlowBP.Kernels.Cuda;

/// <summary>Growing device memory of one purpose.</summary>
internal sealed class CudaScratch(ICudaDriver driver) : IDisposable
{
    private nint _memory;
    private long _bytes;

    /// <summary>At least so many bytes; 0 when they are new. What was there before is lost if there have to be more.</summary>
    internal nint AtLeast(long bytes, nint stream)
    {
        if (bytes > _bytes)
        {
            Dispose();
            // Twice the need, so that sizes that grow slowly don't allocate each time.
            _memory = driver.Allocate(2 * bytes);
            _bytes = 2 * bytes;
            driver.Fill(_memory, 0, _bytes, stream);
        }
        return _memory;
    }

    public void Dispose()
    {
        driver.Free(_memory);
        (_memory, _bytes) = (0, 0);
    }
}
