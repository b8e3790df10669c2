using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>
/// The CUDA stream that libtorch queues its work on. A kernel that is launched on it runs after everything that was queued on
/// the tensors before, and before everything that is queued on them after.
/// </summary>
public static unsafe class CudaStream
{
    /// <summary>
    /// libtorch's current stream of the calling thread on a device, as CUDA's own handle (CUstream, cudaStream_t); 0 is the
    /// default stream. To be asked for at each launch: it may change, and belongs to the thread.
    /// </summary>
    /// <param name="deviceIndex">The device's index, of the tensors that the kernel works on.</param>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">This libtorch has no CUDA.</exception>
    public static nint Current(int deviceIndex)
    {
        nint stream = 0;
        TorchStatus.Check(
            NativeMethods.flowbp_cuda_current_stream(deviceIndex, &stream),
            () => $"the current stream of cuda:{deviceIndex}"
        );
        return stream;
    }
}
