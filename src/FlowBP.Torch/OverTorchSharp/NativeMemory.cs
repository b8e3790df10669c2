// TorchSharp lets nobody at libtorch's CPU allocator, so tensors are not counted. What the process holds is known all the same
// (ProcessMemory).

namespace FlowBP.Torch;

/// <summary>Tensor memory on the CPU, in bytes; with TorchSharp it is not counted.</summary>
public static class NativeMemory
{
    /// <summary>Null: unknown.</summary>
    public static long? CurrentBytes => null;

    /// <summary>Null: unknown.</summary>
    public static long? PeakBytes => null;

    /// <summary>Tensor handles that are alive, as TorchSharp counts them.</summary>
    public static long LiveHandles => torch.Tensor.TotalCount;

    /// <summary>Does nothing.</summary>
    public static void ResetPeak() { }
}
