using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>What libtorch's allocator holds on a GPU, in bytes.</summary>
/// <param name="AllocatedBytes">In tensors, now.</param>
/// <param name="PeakAllocatedBytes">The most in tensors at once, since the last reset.</param>
/// <param name="ReservedBytes">Taken from the driver, now: tensors, and what is kept for reuse.</param>
/// <param name="PeakReservedBytes">The most taken from the driver at once, since the last reset.</param>
public sealed record CudaMemory(
    long AllocatedBytes,
    long PeakAllocatedBytes,
    long ReservedBytes,
    long PeakReservedBytes
)
{
    /// <summary>The figures of a device; null where this libtorch, being old or without CUDA, does not tell.</summary>
    /// <param name="deviceIndex">The device's index.</param>
    public static unsafe CudaMemory? Of(int deviceIndex)
    {
        NativeDeviceMemory memory;
        int known;
        TorchStatus.Check(
            NativeMethods.flowbp_cuda_memory(deviceIndex, &memory, &known),
            () => $"the memory of cuda:{deviceIndex}"
        );
        return known == 0
            ? null
            : new(memory.AllocatedBytes, memory.PeakAllocatedBytes, memory.ReservedBytes, memory.PeakReservedBytes);
    }

    /// <summary>Starts new high-water marks at what is held now; nothing where this libtorch does not tell.</summary>
    /// <param name="deviceIndex">The device's index.</param>
    public static void ResetPeak(int deviceIndex) =>
        TorchStatus.Check(
            NativeMethods.flowbp_cuda_memory_reset_peak(deviceIndex),
            () => $"the memory of cuda:{deviceIndex}"
        );
}
