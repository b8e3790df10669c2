using System.Text;

namespace FlowBP.Cuda.Tests;

/// <summary>A module of a text that names its kernels.</summary>
internal sealed class LoadedText(CudaDriver driver, string text) : IDisposable
{
    private readonly KernelModule module = new(
        driver,
        "text.cu",
        new(new(9, 0), KernelCodeKind.Ptx),
        new(KernelCodeKind.Ptx, Encoding.UTF8.GetBytes(text), "")
    );

    public Kernel Axpy => Kernel("axpy");

    public Kernel Kernel(string name) => module.Kernel(name);

    public void Dispose() => driver.UnloadModule(module.Handle);
}
