// What a machine may lack. A test that needs it is ignored there, and says what is missing and how to get it.

namespace FlowBP.Cuda.Tests;

internal static class Requirement
{
    /// <summary>A compiler over this machine's NVRTC.</summary>
    public static KernelCompiler Compiler()
    {
        if (!NvrtcLibrary.TryFind(out var library, out _))
        {
            Assert.Ignore(
                "NVRTC is missing: apt-get install libnvrtc11.2 (Debian 12, component non-free), or set FLOWBP_NVRTC"
            );
        }
        return new(library!);
    }

    /// <summary>A driver with a GPU.</summary>
    public static CudaDriver Driver()
    {
        if (!CudaDriver.TryOpen(out var driver, out var obstacle))
        {
            Assert.Ignore($"needs a GPU: {obstacle!.Message}");
        }
        return driver!;
    }
}
