// A compiled source that is loaded on a device.

using System.Collections.Concurrent;

namespace FlowBP.Cuda;

/// <summary>The kernels of one source, loaded.</summary>
public sealed class KernelModule
{
    private readonly ICudaDriver driver;
    private readonly ConcurrentDictionary<string, Kernel> kernels = new();

    internal KernelModule(ICudaDriver driver, string name, KernelTarget target, KernelCode code)
    {
        this.driver = driver;
        Name = name;
        Target = target;
        Code = code;
        Handle = driver.LoadModule(code.Image.Span, name);
    }

    /// <summary>Name of the source: "replay.cu".</summary>
    public string Name { get; }

    /// <summary>What it was compiled for.</summary>
    public KernelTarget Target { get; }

    /// <summary>The code that was loaded, with the compiler's log.</summary>
    public KernelCode Code { get; }

    /// <summary>The driver's own handle (CUmodule).</summary>
    public nint Handle { get; }

    /// <summary>A kernel.</summary>
    /// <param name="name">Its name in the source (<c>extern "C"</c>).</param>
    /// <exception cref="CudaException">The source has no such kernel.</exception>
    public Kernel Kernel(string name) => kernels.GetOrAdd(name, missing => new Kernel(driver, Handle, missing));
}
