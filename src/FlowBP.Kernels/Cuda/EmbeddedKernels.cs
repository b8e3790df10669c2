// The text of kernels/ as it travels inside this assembly, and the way from a kernel's name to code on a device.

using FlowBP.Cuda;

namespace FlowBP.Kernels.Cuda;

/// <summary>This project's kernels, to be compiled on the machine that runs them.</summary>
public static class EmbeddedKernels
{
    private static readonly Dictionary<string, string> s_fileOf = CudaKernelNames
        .ByFile.SelectMany(file => file.Value.Select(kernel => (kernel, file.Key)))
        .ToDictionary();

    /// <summary>The texts.</summary>
    public static KernelSources Sources { get; } = KernelSources.EmbeddedIn(typeof(EmbeddedKernels).Assembly);

    /// <summary>Finds a kernel by its name, as the constructors of the CUDA implementations ask for it.</summary>
    /// <param name="library">Compiles <see cref="Sources"/>.</param>
    public static Func<string, Kernel> In(KernelLibrary library) =>
        kernel => library.Kernel($"{s_fileOf[kernel]}.cu", kernel);
}
