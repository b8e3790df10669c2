using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>The library that provides tensors: here, native/ over the libtorch that it was built against.</summary>
public static class TorchLibrary
{
    /// <summary>Who provides the TorchSharp API.</summary>
    public const string Provider = "FlowBP";

    /// <summary>The release of the libtorch that is loaded; null where it is too old to say (before 2.2).</summary>
    public static Version? Release => LibtorchAbi.Release;

    /// <summary>Version of this binding.</summary>
    public static string ProviderVersion => typeof(TorchLibrary).Assembly.GetName().Version?.ToString(3) ?? "";

    /// <summary>What to do for a libtorch with CUDA.</summary>
    public const string WithCuda = "name a libtorch that has CUDA with LIBTORCH or Torch_DIR";

    /// <summary>GPUs that libtorch can use.</summary>
    public static int CudaDevices => torch.cuda.device_count();

    /// <summary>What had to be done to load the library; null: nothing ever is.</summary>
    public static string? Remedy => null;

    /// <summary>What is done about convolutions that are wrong on this processor; null: nobody asked them.</summary>
    public static string? ConvolutionRemedy => null;

    /// <summary>Does nothing: this binding finds its library by itself.</summary>
    public static void Expect() { }

    /// <summary>Loads the library, unless it is loaded.</summary>
    /// <exception cref="DllNotFoundException">It is not built, or does not load; the message says where it was looked for.</exception>
    public static void Load() => _ = NativeMethods.flowbp_tensor_live_handles();

    // Where libtorch's C functions do not tell it: releases before 2.3 have none.
    internal static unsafe nint CurrentStream(int device)
    {
        nint stream = 0;
        TorchStatus.Check(
            NativeMethods.flowbp_cuda_current_stream(device, &stream),
            () => $"the current stream of cuda:{device}"
        );
        return stream;
    }
}
