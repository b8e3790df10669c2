// From sources to kernels that can be launched: each source is compiled when one of its kernels is first asked for, or taken
// from the cache, and stays loaded as long as the library.

namespace FlowBP.Cuda;

/// <summary>Kernels for one device. Safe to use from several threads.</summary>
/// <example>
/// <code>
/// using var kernels = new KernelLibrary(driver, sources, new KernelCompiler(nvrtc), CompiledKernelCache.OfThisUser());
/// var replay = kernels.Kernel("replay.cu", "replay_bf16");
/// </code>
/// </example>
public sealed class KernelLibrary : IDisposable
{
    private readonly ICudaDriver driver;
    private readonly KernelSources sources;
    private readonly KernelCompiler compiler;
    private readonly CompiledKernelCache cache;
    private readonly Dictionary<string, KernelModule> modules = [];
    private readonly Lock loading = new();
    private bool disposed;

    /// <summary>Kernels for a device, with the best target that the compiler has for it.</summary>
    /// <param name="driver">The device's driver.</param>
    /// <param name="sources">The sources.</param>
    /// <param name="compiler">Compiles them.</param>
    /// <param name="cache">Keeps what was compiled.</param>
    /// <param name="ordinal">The device.</param>
    /// <exception cref="KernelCompilationException">The compiler has no target for the device.</exception>
    public KernelLibrary(
        ICudaDriver driver,
        KernelSources sources,
        KernelCompiler compiler,
        CompiledKernelCache cache,
        int ordinal = 0
    )
        : this(driver, sources, compiler, cache, TargetOf(driver, compiler, ordinal)) { }

    /// <summary>Kernels for a target that is given: PTX, for an interpreter.</summary>
    /// <param name="driver">The device's driver.</param>
    /// <param name="sources">The sources.</param>
    /// <param name="compiler">Compiles them.</param>
    /// <param name="cache">Keeps what was compiled.</param>
    /// <param name="target">What to compile for.</param>
    public KernelLibrary(
        ICudaDriver driver,
        KernelSources sources,
        KernelCompiler compiler,
        CompiledKernelCache cache,
        KernelTarget target
    )
    {
        ArgumentNullException.ThrowIfNull(driver);
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(compiler);
        ArgumentNullException.ThrowIfNull(cache);
        this.driver = driver;
        this.sources = sources;
        this.compiler = compiler;
        this.cache = cache;
        Target = target;
    }

    /// <summary>What the sources are compiled for.</summary>
    public KernelTarget Target { get; }

    /// <summary>A kernel; its source is compiled and loaded where it isn't yet.</summary>
    /// <param name="source">Name of the source: "replay.cu".</param>
    /// <param name="name">Name of the kernel.</param>
    /// <exception cref="KernelCompilationException">The source does not compile.</exception>
    /// <exception cref="CudaException">The driver refuses the code, or it has no such kernel.</exception>
    public Kernel Kernel(string source, string name) => Module(source).Kernel(name);

    /// <summary>A source, compiled and loaded where it isn't yet.</summary>
    /// <param name="source">Name of the source: "replay.cu".</param>
    /// <exception cref="KernelCompilationException">The source does not compile.</exception>
    /// <exception cref="CudaException">The driver refuses the code.</exception>
    public KernelModule Module(string source)
    {
        lock (loading)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (!modules.TryGetValue(source, out var module))
            {
                var code = cache.Compile(compiler, sources.Source(source), Target);
                module = new KernelModule(driver, source, Target, code);
                modules.Add(source, module);
            }
            return module;
        }
    }

    private static KernelTarget TargetOf(ICudaDriver driver, KernelCompiler compiler, int ordinal)
    {
        ArgumentNullException.ThrowIfNull(driver);
        ArgumentNullException.ThrowIfNull(compiler);
        return compiler.TargetFor(driver.Device(ordinal).Architecture);
    }

    /// <summary>Unloads everything; nothing of it may still be queued.</summary>
    public void Dispose()
    {
        lock (loading)
        {
            if (disposed)
            {
                return;
            }
            disposed = true;
            foreach (var module in modules.Values)
            {
                driver.UnloadModule(module.Handle);
            }
            modules.Clear();
        }
    }
}
