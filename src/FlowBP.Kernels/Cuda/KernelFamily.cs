// A kernel's name says the types that it reads and writes. Names are made and looked up once; a launch picks by number.

using FlowBP.Cuda;

namespace FlowBP.Kernels.Cuda;

/// <summary>The kernels of one file of kernels/, each found when it is first asked for.</summary>
/// <param name="find">Finds a kernel by its name.</param>
/// <param name="file">The file, without its ending.</param>
internal sealed class KernelFamily(Func<string, Kernel> find, string file)
{
    private const int Types = 3;

    private readonly Kernel?[] _kernels = new Kernel?[Types * Types];

    /// <summary>The kernel that reads one type and writes another.</summary>
    internal Kernel this[LatentType from, LatentType to] =>
        _kernels[((int)from * Types) + (int)to] ??= find(CudaKernelNames.Of(file, from, to));

    /// <summary>The kernel for one type.</summary>
    internal Kernel this[LatentType type] => this[type, type];
}
