using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>How exactly NVIDIA's libraries multiply numbers in float32.</summary>
public static class CudaPrecision
{
    /// <summary>
    /// Has cuBLAS and cuDNN compute in float32 throughout, where libtorch lets convolutions round their inputs to TF32 (10 bits).
    /// It holds for the process, unless NVIDIA_TF32_OVERRIDE is set. To be called before anything is computed on a GPU.
    /// </summary>
    public static void RequireFloat32() => NativeEnvironment.SetUnlessSet("NVIDIA_TF32_OVERRIDE", "0");
}
