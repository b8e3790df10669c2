// The machine's driver, for one device. It works in the device's primary context, which is the one that libtorch and every
// other user of the CUDA runtime share: their pointers, streams and modules are valid here and the other way round. A context
// belongs to threads, so each call first makes it current on its own thread.
//
// One instance serves one device, because modules, functions and memory belong to a device.

using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;
using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda;

/// <summary>The NVIDIA driver (libcuda.so.1), in the primary context of one device. Safe to use from several threads.</summary>
/// <example>
/// <code>
/// if (!CudaDriver.TryOpen(out var driver, out var obstacle))
/// {
///     Console.Error.WriteLine($"working on the CPU: {obstacle.Message}");
/// }
/// </code>
/// </example>
public sealed unsafe partial class CudaDriver : ICudaDriver, IDisposable
{
    private readonly int handle;
    private readonly nint context;
    private readonly ConcurrentDictionary<int, CudaDevice> devices = new();
    private bool disposed;

    private CudaDriver(int ordinal, Version version, int deviceCount)
    {
        Ordinal = ordinal;
        Version = version;
        DeviceCount = deviceCount;
        handle = DeviceHandle(ordinal);
        nint retained = 0;
        DriverCall.Check(
            DriverMethods.cuDevicePrimaryCtxRetain(&retained, handle),
            $"cuDevicePrimaryCtxRetain of GPU {ordinal}"
        );
        context = retained;
    }

    /// <summary>Number of the device that this instance works on.</summary>
    public int Ordinal { get; }

    /// <summary>The CUDA version that the driver supports.</summary>
    public Version Version { get; }

    /// <inheritdoc/>
    public string Name => $"NVIDIA driver {Version}";

    /// <inheritdoc/>
    public int DeviceCount { get; }

    /// <summary>The device's primary context (CUcontext), for other users of the driver.</summary>
    public nint Context => context;

    /// <summary>Opens the driver for a device, or says why that is impossible.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="obstacle">What is in the way.</param>
    /// <param name="ordinal">The device's number among those that the driver shows to this process.</param>
    /// <param name="toolkit">Version of the compiler whose code is to run (<see cref="NvrtcLibrary.Version"/>).</param>
    public static bool TryOpen(
        [NotNullWhen(true)] out CudaDriver? driver,
        [NotNullWhen(false)] out CudaUnavailable? obstacle,
        int ordinal = 0,
        Version? toolkit = null
    )
    {
        driver = null;
        obstacle = Load() ?? Initialize();
        if (obstacle is not null)
        {
            return false;
        }
        var number = 0;
        DriverCall.Check(DriverMethods.cuDriverGetVersion(&number), nameof(DriverMethods.cuDriverGetVersion));
        // 12040 is 12.4.
        var version = new Version(number / 1000, number % 1000 / 10);
        obstacle = CudaUnavailable.ByVersion(version, toolkit);
        if (obstacle is not null)
        {
            return false;
        }
        var count = 0;
        DriverCall.Check(DriverMethods.cuDeviceGetCount(&count), nameof(DriverMethods.cuDeviceGetCount));
        obstacle = CudaUnavailable.ByCount(ordinal, count);
        if (obstacle is not null)
        {
            return false;
        }
        try
        {
            driver = new CudaDriver(ordinal, version, count);
            return true;
        }
        catch (CudaException e)
        {
            // Its memory may be full, or another process may own it.
            obstacle = new(CudaObstacle.DeviceUnusable, $"GPU {ordinal} can't be used: {e.Message}");
            return false;
        }
    }

    private static CudaUnavailable? Load()
    {
        if (NativeLibraries.DriverHandle == 0 && NativeLibrary.TryLoad(NativeLibraries.Driver, out var loaded))
        {
            NativeLibraries.DriverHandle = loaded;
        }
        return NativeLibraries.DriverHandle == 0 ? CudaUnavailable.WithoutDriver() : null;
    }

    private static CudaUnavailable? Initialize()
    {
        var result = DriverMethods.cuInit(0);
        return result == DriverResult.Success
            ? null
            : CudaUnavailable.AfterInitialization(result, $"{DriverCall.Text(result)} ({DriverCall.Name(result)})");
    }

    /// <inheritdoc/>
    public CudaDevice Device(int ordinal)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(ordinal);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(ordinal, DeviceCount);
        return devices.GetOrAdd(ordinal, Describe);
    }

    private static CudaDevice Describe(int ordinal)
    {
        var device = DeviceHandle(ordinal);
        const int nameLength = 256;
        var name = stackalloc byte[nameLength];
        DriverCall.Check(
            DriverMethods.cuDeviceGetName(name, nameLength, device),
            nameof(DriverMethods.cuDeviceGetName)
        );
        nuint bytes = 0;
        DriverCall.Check(DriverMethods.cuDeviceTotalMem_v2(&bytes, device), nameof(DriverMethods.cuDeviceTotalMem_v2));
        return new(
            ordinal,
            Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name)),
            new(
                Attribute(device, DeviceAttribute.ComputeCapabilityMajor),
                Attribute(device, DeviceAttribute.ComputeCapabilityMinor)
            ),
            Attribute(device, DeviceAttribute.MultiprocessorCount),
            Attribute(device, DeviceAttribute.L2CacheSize),
            (long)bytes,
            Attribute(device, DeviceAttribute.MaxThreadsPerBlock),
            Attribute(device, DeviceAttribute.MaxSharedMemoryPerBlockOptin)
        );
    }

    private static int DeviceHandle(int ordinal)
    {
        var device = 0;
        DriverCall.Check(DriverMethods.cuDeviceGet(&device, ordinal), $"cuDeviceGet of GPU {ordinal}");
        return device;
    }

    private static int Attribute(int device, DeviceAttribute attribute)
    {
        var value = 0;
        DriverCall.Check(
            DriverMethods.cuDeviceGetAttribute(&value, attribute, device),
            $"cuDeviceGetAttribute of {attribute}"
        );
        return value;
    }

    /// <summary>Makes the context current on this thread until the result is disposed.</summary>
    private ContextScope Enter()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return new(context);
    }

    /// <summary>
    /// Gives the primary context back. The driver destroys it with its last user, so everything that this instance made must
    /// be gone.
    /// </summary>
    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            // A failure is not reported: at the end of a process the driver may be gone before its users.
            _ = DriverMethods.cuDevicePrimaryCtxRelease_v2(handle);
        }
    }

    // libtorch takes the thread's current context for its current device. So a context of another device is put back;
    // a thread that had none keeps this one, which spares it the switch at the next call.
    private readonly ref struct ContextScope
    {
        private readonly nint before;

        public ContextScope(nint context)
        {
            nint current = 0;
            DriverCall.Check(DriverMethods.cuCtxGetCurrent(&current), nameof(DriverMethods.cuCtxGetCurrent));
            if (current != context)
            {
                DriverCall.Check(DriverMethods.cuCtxSetCurrent(context), nameof(DriverMethods.cuCtxSetCurrent));
                before = current;
            }
        }

        public void Dispose()
        {
            if (before != 0)
            {
                DriverCall.Check(DriverMethods.cuCtxSetCurrent(before), nameof(DriverMethods.cuCtxSetCurrent));
            }
        }
    }
}
