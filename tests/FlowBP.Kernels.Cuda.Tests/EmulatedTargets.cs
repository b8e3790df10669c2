// The kernels' text compiled for the CPU, with threads and barriers emulated.

namespace FlowBP.Kernels.Cuda.Tests;

internal sealed partial class CudaTarget
{
    private static readonly Dictionary<string, Func<CudaTarget>> Factories = new()
    {
        // The orders differ in who comes last to a counter and in what is overwritten first; the poison is a NaN or a number.
        ["emulation forward"] = () => Emulated("forward"),
        ["emulation reverse"] = () => Emulated("reverse", poison: 0x41),
        ["emulation shuffled"] = () => Emulated("shuffled 5"),
    };

    /// <summary>The emulation, with threads and blocks taking turns in some order.</summary>
    public static CudaTarget Emulated(string schedule, byte poison = 0xFF, LaunchRecord? record = null)
    {
        var driver = new EmulatedDriver(schedule, poison, record);
        return new(driver, driver.Kernel);
    }
}
