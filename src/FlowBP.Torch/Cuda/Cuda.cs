using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

public static partial class torch
{
    /// <summary>GPUs, as libtorch sees them.</summary>
    public static class cuda
    {
        /// <summary>Whether this libtorch has CUDA and the machine a GPU that it can use.</summary>
        public static bool is_available() => device_count() > 0;

        /// <summary>Number of GPUs that libtorch can use.</summary>
        public static int device_count() => NativeMethods.flowbp_cuda_device_count();
    }
}
