namespace FlowBP.Torch;

/// <summary>What of a GPU's state is asked differently of each provider.</summary>
internal static class DeviceFigures
{
    /// <summary>GPUs that libtorch can use; 0 where its package is the one for CPUs.</summary>
    public static int CudaDevices => torch.TryInitializeDeviceType(DeviceType.CUDA) ? torch.cuda.device_count() : 0;

    /// <summary>The current stream, where libtorch's C functions do not tell it.</summary>
    public static nint CurrentStream(int deviceIndex) =>
        throw new NotSupportedException($"this libtorch does not tell the current stream of cuda:{deviceIndex}");
}
