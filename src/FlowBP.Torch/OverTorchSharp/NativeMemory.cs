// TorchSharp lets nobody at libtorch's CPU allocator, so nothing is counted. Zeros say so: no tensor takes no bytes.

namespace FlowBP.Torch;

/// <summary>Tensor memory on the CPU, which TorchSharp does not count: every number of bytes is 0.</summary>
public static class NativeMemory
{
    /// <summary>Unknown: 0.</summary>
    public static long CurrentBytes => 0;

    /// <summary>Unknown: 0.</summary>
    public static long PeakBytes => 0;

    /// <summary>Tensor handles that are alive, as TorchSharp counts them.</summary>
    public static long LiveHandles => TorchSharp.torch.Tensor.TotalCount;

    /// <summary>Does nothing.</summary>
    public static void ResetPeak() { }
}
