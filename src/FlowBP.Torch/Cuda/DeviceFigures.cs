using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>What of a GPU's state is asked differently of each provider.</summary>
internal static unsafe class DeviceFigures
{
    /// <summary>GPUs that libtorch can use.</summary>
    public static int CudaDevices => torch.cuda.device_count();

    /// <summary>The current stream, where libtorch's C functions do not tell it: releases before 2.3 have none.</summary>
    public static nint CurrentStream(int deviceIndex)
    {
        nint stream = 0;
        TorchStatus.Check(
            NativeMethods.flowbp_cuda_current_stream(deviceIndex, &stream),
            () => $"the current stream of cuda:{deviceIndex}"
        );
        return stream;
    }
}
