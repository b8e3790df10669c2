// A kernel that is loaded, and how to launch it.

using System.Runtime.CompilerServices;

namespace FlowBP.Cuda;

/// <summary>A kernel of a loaded module. Safe to launch from several threads.</summary>
public sealed unsafe class Kernel
{
    // The language allows no more than 4 KB of parameters; no kernel here comes near this number of them.
    private const int MostArguments = 64;

    private readonly ICudaDriver driver;
    private readonly Lazy<KernelResources> resources;

    internal Kernel(ICudaDriver driver, nint module, string name)
    {
        this.driver = driver;
        Name = name;
        Handle = driver.Function(module, name);
        resources = new(() => driver.Resources(Handle));
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The driver's own handle (CUfunction).</summary>
    public nint Handle { get; }

    /// <summary>What the compiler gave it.</summary>
    public KernelResources Resources => resources.Value;

    /// <summary>Queues the kernel on a stream.</summary>
    /// <param name="grid">Number of blocks; none of the three may be 0.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="stream">CUstream; libtorch's current one for libtorch's tensors.</param>
    /// <param name="arguments">The arguments, in the order and with the types of the kernel's parameters.</param>
    /// <exception cref="CudaException">The launch is impossible, or something queued before it failed.</exception>
    public void Launch(Dim3 grid, Dim3 block, nint stream, params ReadOnlySpan<KernelArgument> arguments) =>
        LaunchWithShared(grid, block, 0, stream, arguments);

    /// <summary>Queues the kernel on a stream, with dynamic shared memory.</summary>
    /// <param name="grid">Number of blocks; none of the three may be 0.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory per block.</param>
    /// <param name="stream">CUstream; libtorch's current one for libtorch's tensors.</param>
    /// <param name="arguments">The arguments, in the order and with the types of the kernel's parameters.</param>
    /// <exception cref="CudaException">The launch is impossible, or something queued before it failed.</exception>
    [SkipLocalsInit]
    public void LaunchWithShared(
        Dim3 grid,
        Dim3 block,
        int sharedBytes,
        nint stream,
        params ReadOnlySpan<KernelArgument> arguments
    )
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(arguments.Length, MostArguments, nameof(arguments));
        // Where the span lies in an array of the caller's, the collector must not move it under the addresses.
        fixed (KernelArgument* pinned = arguments)
        {
            Span<nint> addresses = stackalloc nint[MostArguments];
            addresses = addresses[..arguments.Length];
            KernelArgument.Addresses(new(pinned, arguments.Length), addresses);
            driver.Launch(Handle, grid, block, sharedBytes, stream, addresses);
        }
    }
}
