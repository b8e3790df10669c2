// What the tests of the CUDA kernels run on. Their bodies know drivers and kernels only, so that each further kind of device is one
// more entry of All.

namespace FlowBP.Kernels.Cuda.Tests;

/// <summary>A driver and the kernels on it.</summary>
internal sealed class CudaTarget : IDisposable
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

    /// <summary>The emulation, with threads and blocks taking turns in some order.</summary>
    public static CudaTarget Emulated(string schedule, byte poison = 0xFF, LaunchRecord? record = null)
    {
        var driver = new EmulatedDriver(schedule, poison, record);
        return new(driver, driver.Kernel);
    }

    private static readonly Dictionary<string, Func<CudaTarget>> Factories = new()
    {
        // The orders differ in who comes last to a counter and in what is overwritten first; the poison is a NaN or a number.
        ["emulation forward"] = () => Emulated("forward"),
        ["emulation reverse"] = () => Emulated("reverse", poison: 0x41),
        ["emulation shuffled"] = () => Emulated("shuffled 5"),
        // What NVRTC makes of the kernels, instruction by instruction.
        ["PTX interpreter"] = () => InterpretedKernels.Target(scheduleSeed: null),
    };

    /// <summary>Names of all targets, for fixtures to be run on each.</summary>
    public static IEnumerable<string> All => Factories.Keys;

    public static CudaTarget Named(string name) => Factories[name]();

    public void Dispose() => Latents.Dispose();
}
