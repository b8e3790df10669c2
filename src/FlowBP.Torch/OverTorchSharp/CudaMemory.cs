// TorchSharp does not tell what libtorch's allocator holds on a GPU. "Unknown" is an answer that callers are prepared for.

namespace FlowBP.Torch;

/// <summary>What libtorch's allocator holds on a GPU, in bytes; never known with TorchSharp.</summary>
/// <param name="AllocatedBytes">In tensors, now.</param>
/// <param name="PeakAllocatedBytes">The most in tensors at once, since the last reset.</param>
/// <param name="ReservedBytes">Taken from the driver, now.</param>
/// <param name="PeakReservedBytes">The most taken from the driver at once, since the last reset.</param>
public sealed record CudaMemory(
    long AllocatedBytes,
    long PeakAllocatedBytes,
    long ReservedBytes,
    long PeakReservedBytes
)
{
    /// <summary>Unknown: null.</summary>
    /// <param name="deviceIndex">The device's index.</param>
    public static CudaMemory? Of(int deviceIndex) => null;

    /// <summary>Does nothing.</summary>
    /// <param name="deviceIndex">The device's index.</param>
    public static void ResetPeak(int deviceIndex) { }
}
