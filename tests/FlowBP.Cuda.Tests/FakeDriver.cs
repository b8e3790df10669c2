// FakeDriver.c as a library of this process. It is built and loaded once: a resolver can't be taken back, and the bindings keep the
// addresses that they found.

using System.Runtime.InteropServices;
using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda.Tests;

/// <summary>Takes the place of the real driver.</summary>
internal static class FakeDriver
{
    private static readonly Lazy<nint> s_library = new(Load);

    /// <summary>The library.</summary>
    public static nint Library => s_library.Value;

    private static nint Load()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Path("libfake.so");
        CCompiler.SharedLibrary(Path.Combine(TestContext.CurrentContext.TestDirectory, "FakeDriver.c"), path);
        var library = NativeLibrary.Load(path);
        // The bindings of the benchmarks are compiled into this assembly.
        NativeLibrary.SetDllImportResolver(
            typeof(DriverTiming).Assembly,
            (name, _, _) => name == NativeLibraries.Driver ? library : 0
        );
        return library;
    }
}
