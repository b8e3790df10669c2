// A kernel that is loaded. ICudaDriver.Launch queues it: this project's kernels and anyone's.

namespace FlowBP.Cuda;

/// <summary>A kernel of a loaded module.</summary>
public sealed record Kernel
{
    private readonly ICudaDriver driver;

    /// <summary>A kernel of a module that the driver has loaded.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="module">CUmodule.</param>
    /// <param name="name">The kernel's name in the compiled code.</param>
    /// <exception cref="CudaException">The module has no such kernel.</exception>
    public Kernel(ICudaDriver driver, nint module, string name)
    {
        ArgumentNullException.ThrowIfNull(driver);
        this.driver = driver;
        Name = name;
        Handle = driver.Function(module, name);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The driver's own handle (CUfunction).</summary>
    public nint Handle { get; }

    /// <summary>Dynamic shared memory per block, up to <see cref="CudaDevice.MaxSharedBytesPerBlock"/>.</summary>
    public int SharedBytes { get; init; }

    /// <summary>What the compiler gave it.</summary>
    public KernelResources Resources => driver.Resources(Handle);

    /// <inheritdoc/>
    public override string ToString() => Name;
}
