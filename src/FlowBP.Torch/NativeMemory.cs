using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>
/// Tensor memory on the CPU, in bytes, as counted by native/src/memory.cpp. It is what the project's claim about peak
/// memory is tested with. The figures are null with a provider that does not count.
/// </summary>
public static class NativeMemory
{
    /// <summary>Bytes of tensor storage that are allocated now.</summary>
    public static long? CurrentBytes => NativeMethods.flowbp_memory_current_bytes();

    /// <summary>The most bytes that were allocated at once since <see cref="ResetPeak"/>.</summary>
    public static long? PeakBytes => NativeMethods.flowbp_memory_peak_bytes();

    /// <summary>Tensor handles that are alive, on the managed side and in flight.</summary>
    public static long LiveHandles => NativeMethods.flowbp_tensor_live_handles();

    /// <summary>Starts a new high-water mark at <see cref="CurrentBytes"/>.</summary>
    public static void ResetPeak() => NativeMethods.flowbp_memory_reset_peak();
}
