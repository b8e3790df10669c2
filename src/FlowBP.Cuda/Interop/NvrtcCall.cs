// Turns an nvrtcResult into an exception.

using System.Runtime.InteropServices;

namespace FlowBP.Cuda.Interop;

internal static unsafe class NvrtcCall
{
    public const int Success = 0;
    public const int CompilationError = 6;

    /// <summary>Throws unless the call succeeded.</summary>
    /// <param name="result">What it returned.</param>
    /// <param name="call">Which call it was.</param>
    public static void Check(int result, string call)
    {
        if (result != Success)
        {
            throw new CudaException(call, Name(result), "NVRTC refused");
        }
    }

    /// <summary>The code's name: "NVRTC_ERROR_INVALID_OPTION". NVRTC has no other words for it.</summary>
    public static string Name(int result) =>
        Marshal.PtrToStringUTF8((nint)NvrtcMethods.nvrtcGetErrorString(result)) ?? $"nvrtcResult {result}";
}
