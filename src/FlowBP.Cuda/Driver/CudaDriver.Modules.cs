// Loading code and launching it.

using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda;

public sealed unsafe partial class CudaDriver
{
    // Above this, a kernel has to ask for its dynamic shared memory before it is launched.
    private const int SharedBytesWithoutAsking = 48 * 1024;
    private const int LogBytes = 16 * 1024;

    // The language allows no more than 4 KB of parameters; no kernel here comes near this number of them.
    private const int MostArguments = 64;

    // Names for messages, and what was asked for: handles are not reused while their module is loaded.
    private readonly ConcurrentDictionary<nint, string> names = new();
    private readonly ConcurrentDictionary<nint, int> allowedSharedBytes = new();

    /// <inheritdoc/>
    public nint LoadModule(ReadOnlySpan<byte> image, string name)
    {
        using var entered = Enter();
        // The driver reads PTX up to a zero.
        var terminated = new byte[image.Length + 1];
        image.CopyTo(terminated);
        var information = new byte[LogBytes];
        var errors = new byte[LogBytes];
        nint module = 0;
        int result;
        fixed (
            byte* imageBytes = terminated,
                informationBytes = information,
                errorBytes = errors
        )
        {
            const int optionCount = 4;
            var options = stackalloc JitOption[optionCount]
            {
                JitOption.InfoLogBuffer,
                JitOption.InfoLogBufferSizeBytes,
                JitOption.ErrorLogBuffer,
                JitOption.ErrorLogBufferSizeBytes,
            };
            // Sizes are passed in the place of a pointer, and the driver writes there how much it used.
            var values = stackalloc nint[optionCount] { (nint)informationBytes, LogBytes, (nint)errorBytes, LogBytes };
            result = DriverMethods.cuModuleLoadDataEx(&module, imageBytes, optionCount, options, values);
        }
        if (result != DriverResult.Success)
        {
            var log = $"{Text(errors)}\n{Text(information)}".Trim();
            throw DriverCall.Failure(
                result,
                $"cuModuleLoadDataEx of {name} on {Device(Ordinal).Name}",
                log,
                Advice(result)
            );
        }
        names[module] = name;
        return module;
    }

    private string Advice(int result) =>
        result switch
        {
            DriverResult.UnsupportedPtxVersion =>
                $"the driver supports CUDA {Version}, and the code was compiled by a newer NVRTC: update the driver, or set "
                    + "FLOWBP_NVRTC to an older one",
            DriverResult.NoBinaryForGpu or DriverResult.InvalidImage =>
                $"the device is {Device(Ordinal).Architecture} and the driver supports CUDA {Version}: the code was compiled "
                    + "for another device or by a newer NVRTC, or it is damaged",
            _ => "",
        };

    private static string Text(byte[] log)
    {
        var end = Array.IndexOf(log, (byte)0);
        return Encoding.UTF8.GetString(log, 0, end < 0 ? log.Length : end).Trim();
    }

    /// <inheritdoc/>
    public void UnloadModule(nint module)
    {
        using var entered = Enter();
        names.TryRemove(module, out var name);
        DriverCall.Check(DriverMethods.cuModuleUnload(module), $"cuModuleUnload of {name ?? "an unknown module"}");
    }

    /// <inheritdoc/>
    public nint Function(nint module, string name)
    {
        using var entered = Enter();
        nint function = 0;
        fixed (byte* nameBytes = Encoding.UTF8.GetBytes(name + '\0'))
        {
            DriverCall.Check(
                DriverMethods.cuModuleGetFunction(&function, module, nameBytes),
                $"cuModuleGetFunction of {name} in {names.GetValueOrDefault(module, "an unknown module")}"
            );
        }
        names[function] = name;
        // A function of a new module may have the handle of one that is gone.
        allowedSharedBytes.TryRemove(function, out _);
        return function;
    }

    /// <inheritdoc/>
    public KernelResources Resources(nint function)
    {
        using var entered = Enter();
        return new(
            Attribute(function, FunctionAttribute.NumRegs),
            Attribute(function, FunctionAttribute.SharedSizeBytes),
            Attribute(function, FunctionAttribute.LocalSizeBytes),
            Attribute(function, FunctionAttribute.ConstSizeBytes),
            Attribute(function, FunctionAttribute.MaxThreadsPerBlock)
        );
    }

    private int Attribute(nint function, FunctionAttribute attribute)
    {
        var value = 0;
        DriverCall.Check(
            DriverMethods.cuFuncGetAttribute(&value, attribute, function),
            $"cuFuncGetAttribute ({attribute}) of {NameOf(function)}"
        );
        return value;
    }

    /// <inheritdoc/>
    [SkipLocalsInit]
    public void Launch(Kernel kernel, Dim3 grid, Dim3 block, nint stream, params ReadOnlySpan<KernelArgument> arguments)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(arguments.Length, MostArguments, nameof(arguments));
        using var entered = Enter();
        if (kernel.SharedBytes > SharedBytesWithoutAsking)
        {
            AllowShared(kernel);
        }
        int result;
        var addresses = stackalloc nint[MostArguments];
        // Where the span lies in an array of the caller's, the collector must not move it under the addresses.
        fixed (KernelArgument* pinned = arguments)
        {
            KernelArgument.Addresses(new(pinned, arguments.Length), new(addresses, arguments.Length));
            result = DriverMethods.cuLaunchKernel(
                kernel.Handle,
                (uint)grid.X,
                (uint)grid.Y,
                (uint)grid.Z,
                (uint)block.X,
                (uint)block.Y,
                (uint)block.Z,
                (uint)kernel.SharedBytes,
                stream,
                addresses,
                null
            );
        }
        if (result != DriverResult.Success)
        {
            throw DriverCall.Failure(
                result,
                $"cuLaunchKernel of {kernel.Name} with grid {grid}, block {block}, {kernel.SharedBytes} bytes of shared memory"
            );
        }
    }

    private void AllowShared(Kernel kernel)
    {
        var bytes = kernel.SharedBytes;
        if (allowedSharedBytes.GetValueOrDefault(kernel.Handle) >= bytes)
        {
            return;
        }
        var most = Device(Ordinal).MaxSharedBytesPerBlock;
        DriverCall.Check(
            DriverMethods.cuFuncSetAttribute(kernel.Handle, FunctionAttribute.MaxDynamicSharedSizeBytes, bytes),
            $"cuFuncSetAttribute: {bytes} bytes of shared memory for {kernel.Name} (this device has at most {most})"
        );
        allowedSharedBytes.AddOrUpdate(kernel.Handle, bytes, (_, before) => Math.Max(before, bytes));
    }

    private string NameOf(nint function) => names.GetValueOrDefault(function, "an unknown kernel");
}
