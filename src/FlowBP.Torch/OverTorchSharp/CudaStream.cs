// TorchSharp has no streams, so nothing changes libtorch's current one: it is the default stream, on every thread.

namespace FlowBP.Torch;

/// <summary>The CUDA stream that libtorch queues its work on.</summary>
public static class CudaStream
{
    /// <summary>0: the default stream, as CUDA's own handle.</summary>
    /// <param name="deviceIndex">The device's index, of the tensors that the kernel works on.</param>
    public static nint Current(int deviceIndex)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(deviceIndex);
        return 0;
    }
}
