// Where the two native libraries of this assembly come from. Neither is linked: on most machines that build or test this
// code, one of them or both are missing, and that is a finding and not a crash. So each is looked for first, by the code that
// can say what is wrong (CudaDriver.TryOpen, NvrtcLibrary.TryFind), and only then bound.

using System.Reflection;
using System.Runtime.InteropServices;

namespace FlowBP.Cuda.Interop;

internal static class NativeLibraries
{
    public const string Driver = "libcuda.so.1";
    public const string Nvrtc = "libnvrtc";

    /// <summary>Handle of the driver's library; 0 until it has been found.</summary>
    public static nint DriverHandle { get; set; }

    /// <summary>Handle of NVRTC; 0 until it has been found.</summary>
    public static nint NvrtcHandle { get; set; }

    // Runs when a handle is first set, which is before the first entry point is bound.
    static NativeLibraries() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) =>
        name switch
        {
            Driver => DriverHandle,
            Nvrtc => NvrtcHandle,
            _ => 0,
        };
}
