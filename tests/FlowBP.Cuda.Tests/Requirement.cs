// What a machine may lack. A test that needs it is ignored there, and says what is missing and how to get it.

using System.Diagnostics;

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

    /// <summary>Compiles a C file to a shared library.</summary>
    public static void SharedLibrary(string source, string target)
    {
        using var compiler = Start("cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", target, source);
        if (compiler is null)
        {
            Assert.Ignore("a C compiler is missing: apt-get install gcc");
        }
        var output = compiler!.StandardError.ReadToEnd();
        compiler.WaitForExit();
        Assert.That(compiler.ExitCode, Is.Zero, output);
    }

    private static Process? Start(string program, params string[] arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true });
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
