// The kernels as a run gets them: out of the assembly, compiled and loaded as a whole, found by name.

using FlowBP.Cuda.Interpreter;
using FlowBP.Cuda.Tests;

namespace FlowBP.Kernels.Cuda.Tests;

public sealed class InterpretedCudaLibraryTests
{
    [Test]
    public void Every_kernel_is_found_by_its_name_in_what_they_compile_to()
    {
        using var library = new KernelLibrary(
            new PtxInterpreter(),
            EmbeddedKernels.Sources,
            new KernelCompiler(Requirement.Compiler().Library),
            new CompiledKernelCache(folder: null),
            new KernelTarget(new ComputeCapability(8, 0), KernelCodeKind.Ptx)
        );
        var find = EmbeddedKernels.In(library);
        var kernels = CudaKernelNames.ByFile.SelectMany(file => file.Value).ToArray();
        Assert.That(kernels.Select(kernel => find(kernel).Handle), Is.All.Not.Zero);
        Assert.That(kernels.Select(kernel => find(kernel).Handle), Is.Unique);
    }
}
