// What the tests of the CUDA kernels run on. Their bodies know drivers and kernels only. Which devices there are is for the project
// to say that compiles them: EmulatedTargets.cs here, InterpretedTargets.cs in tests/interpreter.

namespace FlowBP.Kernels.Cuda.Tests;

/// <summary>A driver and the kernels on it.</summary>
internal sealed partial class CudaTarget : IDisposable
{
    public CudaTarget(ICudaDriver driver, Func<string, Kernel> kernels)
    {
        Driver = driver;
        Latents = new(driver, kernels, stream: () => 0);
        Rollout = new(driver, kernels, stream: () => 0);
    }

    public ICudaDriver Driver { get; }

    public CudaLatentKernels Latents { get; }

    public CudaRolloutKernels Rollout { get; }

    /// <summary>Names of all targets, for fixtures to be run on each.</summary>
    public static IEnumerable<string> All => Factories.Keys;

    public static CudaTarget Named(string name) => Factories[name]();

    public void Dispose() => Latents.Dispose();
}
