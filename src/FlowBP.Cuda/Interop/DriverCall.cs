// Turns a CUresult into an exception. The name and the meaning of a code are the driver's own.

using System.Runtime.InteropServices;

namespace FlowBP.Cuda.Interop;

internal static unsafe class DriverCall
{
    /// <summary>Throws unless the call succeeded.</summary>
    /// <param name="result">What it returned.</param>
    /// <param name="call">Which call it was.</param>
    public static void Check(int result, string call)
    {
        if (result != DriverResult.Success)
        {
            throw Failure(result, call);
        }
    }

    /// <summary>The exception for a call that failed.</summary>
    /// <param name="result">What it returned.</param>
    /// <param name="call">Which call it was, with what tells it from others.</param>
    /// <param name="log">The log of the driver's compiler.</param>
    /// <param name="advice">What to do about it; empty where nothing is known.</param>
    public static CudaException Failure(int result, string call, string log = "", string advice = "") =>
        new(call, Name(result), advice.Length == 0 ? Text(result) : $"{Text(result)}; {advice}", log);

    /// <summary>The code's name: "CUDA_ERROR_OUT_OF_MEMORY".</summary>
    public static string Name(int result)
    {
        byte* name = null;
        return DriverMethods.cuGetErrorName(result, &name) == DriverResult.Success
            ? Marshal.PtrToStringUTF8((nint)name)!
            : $"CUresult {result}";
    }

    /// <summary>What the code means, in the driver's words.</summary>
    public static string Text(int result)
    {
        byte* text = null;
        return DriverMethods.cuGetErrorString(result, &text) == DriverResult.Success
            ? Marshal.PtrToStringUTF8((nint)text)!
            : "an error that this driver has no words for";
    }
}
