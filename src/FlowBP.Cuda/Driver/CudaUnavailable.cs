// Why there is no CUDA here. Most machines have no GPU, so this is an answer and not an exception; it is one line, and says
// what to do where something can be done.

using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda;

/// <summary>What stands between a process and a GPU.</summary>
public enum CudaObstacle
{
    /// <summary>No driver is installed.</summary>
    NoDriver,

    /// <summary>There is a driver, but it shows no such GPU to this process.</summary>
    NoDevice,

    /// <summary>The driver is too old for this program.</summary>
    DriverTooOld,

    /// <summary>The driver is older than the compiler whose code it would have to run.</summary>
    DriverOlderThanToolkit,

    /// <summary>The driver's parts don't fit together, or it refuses to start.</summary>
    DriverBroken,

    /// <summary>The GPU is there, but this process may not use it, or can't.</summary>
    DeviceUnusable,
}

/// <summary>A finding: CUDA can't be used, and why.</summary>
/// <param name="Obstacle">What is in the way.</param>
/// <param name="Message">The same in one line, for the person at the keyboard.</param>
public sealed record CudaUnavailable(CudaObstacle Obstacle, string Message)
{
    /// <summary>The oldest driver whose entry points this program uses, by the CUDA version that it supports.</summary>
    public static Version OldestDriver { get; } = new(11, 4);

    /// <inheritdoc/>
    public override string ToString() => Message;

    /// <summary>Libcuda could not be loaded.</summary>
    internal static CudaUnavailable WithoutDriver() =>
        new(CudaObstacle.NoDriver, $"no NVIDIA driver: {NativeLibraries.Driver} is not on this machine's library path");

    /// <summary>Reads the result of cuInit; null where all is well.</summary>
    /// <param name="result">The result.</param>
    /// <param name="explanation">The driver's own words for it.</param>
    internal static CudaUnavailable? AfterInitialization(int result, string explanation) =>
        result switch
        {
            DriverResult.Success => null,
            DriverResult.NoDevice => new(
                CudaObstacle.NoDevice,
                "the NVIDIA driver shows no GPU to this process (is CUDA_VISIBLE_DEVICES set to nothing?)"
            ),
            DriverResult.StubLibrary => new(
                CudaObstacle.NoDriver,
                $"the {NativeLibraries.Driver} found is the toolkit's stub, not a driver: take its folder off LD_LIBRARY_PATH"
            ),
            DriverResult.SystemDriverMismatch => new(
                CudaObstacle.DriverBroken,
                $"{NativeLibraries.Driver} and the NVIDIA kernel module have different versions: reboot, or reload the module"
            ),
            DriverResult.CompatNotSupportedOnDevice => new(
                CudaObstacle.DriverBroken,
                "the CUDA compatibility package does not support this GPU: take its folder off LD_LIBRARY_PATH"
            ),
            _ => new(CudaObstacle.DriverBroken, $"the NVIDIA driver does not start: {explanation}"),
        };

    /// <summary>Compares the driver with what it has to run; null where it is new enough.</summary>
    /// <param name="driver">The CUDA version that the driver supports.</param>
    /// <param name="toolkit">Version of the compiler whose code it has to run; null where that is not known.</param>
    internal static CudaUnavailable? ByVersion(Version driver, Version? toolkit)
    {
        if (driver < OldestDriver)
        {
            return new(
                CudaObstacle.DriverTooOld,
                $"the NVIDIA driver supports CUDA {driver}; CUDA {OldestDriver} or newer is needed: update the driver"
            );
        }
        // Within a major version a driver runs the machine code of every minor one.
        return toolkit is not null && toolkit.Major > driver.Major
            ? new(
                CudaObstacle.DriverOlderThanToolkit,
                $"the NVIDIA driver supports CUDA {driver}, older than the compiler's {toolkit}: update the driver, or set "
                    + $"FLOWBP_NVRTC to a libnvrtc of CUDA {driver.Major}"
            )
            : null;
    }

    /// <summary>Looks for a device; null where it is there.</summary>
    /// <param name="ordinal">The device's number.</param>
    /// <param name="count">Number of devices.</param>
    internal static CudaUnavailable? ByCount(int ordinal, int count) =>
        ordinal >= 0 && ordinal < count
            ? null
            : new(
                CudaObstacle.NoDevice,
                count == 0
                    ? "the NVIDIA driver shows no GPU to this process"
                    : $"there is no GPU {ordinal}; the NVIDIA driver shows {count} to this process, numbered from 0"
            );
}
