using System.Runtime.InteropServices;

namespace FlowBP.Torch;

/// <summary>
/// The CUDA stream that libtorch queues its work on. A kernel that is launched on it runs after everything that was queued on
/// the tensors before, and before everything that is queued on them after.
/// </summary>
public static class CudaStream
{
    /// <summary>
    /// libtorch's current stream of the calling thread on a device, as CUDA's own handle (CUstream, cudaStream_t); 0 is the
    /// default stream. To be asked for at each launch: it may change, and belongs to the thread.
    /// </summary>
    /// <param name="deviceIndex">The device's index, of the tensors that the kernel works on.</param>
    /// <exception cref="ExternalException">libtorch has no CUDA, or no such GPU.</exception>
    public static nint Current(int deviceIndex)
    {
        CheckDevice(deviceIndex);
        return LibtorchAbi.TryCurrentStream(deviceIndex, out var stream)
            ? stream
            : TorchLibrary.CurrentStream(deviceIndex);
    }

    /// <summary>
    /// Makes a stream of one's own libtorch's current one, on the calling thread, until the result is disposed: operators and
    /// this project's kernels are queued on it.
    /// </summary>
    /// <param name="stream">CUDA's own handle of a stream of that device, the caller's.</param>
    /// <param name="deviceIndex">The device's index.</param>
    /// <exception cref="ExternalException">libtorch has no CUDA, or no such GPU.</exception>
    /// <exception cref="NotSupportedException">libtorch is older than 2.10 and takes no stream.</exception>
    public static IDisposable Use(nint stream, int deviceIndex)
    {
        var before = Current(deviceIndex);
        Set(stream, deviceIndex);
        return new Restore(before, deviceIndex);
    }

    private static void Set(nint stream, int deviceIndex)
    {
        if (!LibtorchAbi.TrySetStream(deviceIndex, stream))
        {
            throw new NotSupportedException(
                $"this libtorch ({LibtorchAbi.Release?.ToString() ?? "older than 2.4"}) takes no stream of one's own; 2.10 and later do"
            );
        }
    }

    // libtorch is not asked for the stream of a GPU that it has not: some of its functions end the process then.
    private static void CheckDevice(int deviceIndex)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(deviceIndex);
        var usable = TorchLibrary.CudaDevices;
        if (deviceIndex >= usable)
        {
            throw new ExternalException(
                $"the current stream of cuda:{deviceIndex}: "
                    + (
                        usable == 0
                            ? "libtorch can use no GPU here"
                            : $"there is no such GPU; libtorch can use {usable}, numbered from 0"
                    )
            );
        }
    }

    private sealed class Restore(nint before, int deviceIndex) : IDisposable
    {
        private bool disposed;

        public void Dispose()
        {
            if (!disposed)
            {
                disposed = true;
                Set(before, deviceIndex);
            }
        }
    }
}
