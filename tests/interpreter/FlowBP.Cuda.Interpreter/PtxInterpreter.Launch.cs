// Launches: what the driver would refuse, what it would take and shouldn't, and the run itself.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Execution;
using FlowBP.Cuda.Interpreter.Memory;
using FlowBP.Cuda.Interpreter.Ordering;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter;

public sealed unsafe partial class PtxInterpreter
{
    /// <inheritdoc/>
    /// <exception cref="InterpreterException">The kernel, or the way it is launched, has an error.</exception>
    public void Launch(Kernel kernel, Dim3 grid, Dim3 block, nint stream, params ReadOnlySpan<KernelArgument> arguments)
    {
        fixed (KernelArgument* pinned = arguments)
        {
            var addresses = new nint[arguments.Length];
            KernelArgument.Addresses(new(pinned, arguments.Length), addresses);
            Launch(kernel.Handle, grid, block, kernel.SharedBytes, stream, addresses);
        }
    }

    /// <summary>The same, with the addresses of the arguments' values.</summary>
    public void Launch(nint function, Dim3 grid, Dim3 block, int sharedBytes, nint stream, ReadOnlySpan<nint> arguments)
    {
        lock (_lock)
        {
            var (module, kernel) = Kernel(function);
            CheckShape(kernel, grid, block, sharedBytes);
            if (grid.Count > int.MaxValue)
            {
                throw new InterpreterException(
                    Finding.UnsupportedPtx,
                    $"a grid of {grid} blocks of kernel {kernel.Name} is too large to be interpreted"
                );
            }
            var bytes = GC.AllocateArray<byte>((int)kernel.ParameterBytes + 1, pinned: true);
            fixed (byte* data = bytes)
            {
                var parameters = CopyArguments(module, kernel, arguments, data);
                _operations.Add(
                    new DriverOperation(DriverOperationKind.Launch, stream, kernel.Name, grid, block, sharedBytes)
                );
                Run(module, kernel, grid, block, sharedBytes, stream, parameters);
            }
        }
    }

    private void Run(
        LoadedModule module,
        FunctionCode kernel,
        Dim3 grid,
        Dim3 block,
        int sharedBytes,
        nint stream,
        MemoryRegion parameters
    )
    {
        // Half of the stamps for one launch is far more than any launch needs.
        if (_stamp > RaceDetector.LastStamp / 2)
        {
            foreach (var region in _memory.Regions)
            {
                region.Shadow.ForgetAccesses();
            }
            _stamp = 1;
        }
        foreach (var region in _memory.Regions)
        {
            region.WasRead = region.WasWritten = false;
        }
        var options = new LaunchOptions(ScheduleSeed, MaxInstructionsPerThread);
        var launch = new KernelLaunch(module, kernel, grid, block, sharedBytes, _memory, parameters, _stamp, options);
        try
        {
            launch.Run();
        }
        finally
        {
            _stamp = launch.Order.NextStamp;
            ExecutedInstructions += launch.Executed;
        }
        foreach (var region in _memory.Regions.Where(region => region.WasRead || region.WasWritten))
        {
            _streams.Touch(region, stream, region.WasRead, region.WasWritten, $"kernel {kernel.Name}");
        }
    }

    private static void CheckShape(FunctionCode kernel, Dim3 grid, Dim3 block, int sharedBytes)
    {
        var bounds = kernel.Function.Bounds;
        var most = bounds.Threads?.Count ?? MaxThreadsPerBlock;
        var total = SharedMemory.StaticBytes(kernel) + sharedBytes;
        var problem =
            grid.X < 1 || grid.Y is < 1 or > 65535 || grid.Z is < 1 or > 65535 ? $"a grid of {grid} blocks"
            : block.X < 1 || block.Y < 1 || block.Z is < 1 or > 64 ? $"a block of {block} threads"
            : block.Count > Math.Min(most, MaxThreadsPerBlock) ? $"a block of {block} threads, of {most} at most"
            : bounds.ThreadsAreExact && block != bounds.Threads
                ? $"a block of {block} threads instead of {bounds.Threads}"
            : sharedBytes < 0 || total > MaxSharedBytes ? $"{total} bytes of shared memory, of {MaxSharedBytes} at most"
            : null;
        if (problem is not null)
        {
            throw new CudaException(
                $"cuLaunchKernel of {kernel.Name}",
                "CUDA_ERROR_INVALID_VALUE",
                $"invalid argument: {problem}"
            );
        }
    }

    private MemoryRegion CopyArguments(
        LoadedModule module,
        FunctionCode kernel,
        ReadOnlySpan<nint> arguments,
        byte* data
    )
    {
        if (arguments.Length != kernel.KernelParameters.Count)
        {
            throw new InterpreterException(
                Finding.BadArguments,
                $"kernel {kernel.Name} of {module.Syntax.Name} has {kernel.KernelParameters.Count} parameters, and is launched "
                    + $"with {arguments.Length} arguments"
            )
            {
                Kernel = kernel.Name,
            };
        }
        var region = new MemoryRegion(
            "the kernel's parameters",
            StateSpace.Parameter,
            AddressSpace.Parameters,
            data,
            kernel.ParameterBytes + 1,
            MemoryState.Inaccessible
        );
        for (var i = 0; i < arguments.Length; i++)
        {
            var parameter = kernel.KernelParameters[i];
            if (arguments[i] == 0)
            {
                throw BadArgument(kernel, i, "has no address");
            }
            Buffer.MemoryCopy((void*)arguments[i], data + parameter.Offset, parameter.Bytes, parameter.Bytes);
            region.Shadow.Mark(
                AddressSpace.Parameters + (ulong)parameter.Offset,
                parameter.Bytes,
                MemoryState.Initialized
            );
            if (parameter.IsPointer)
            {
                CheckPointer(kernel, i, *(ulong*)(data + parameter.Offset));
            }
        }
        return region;
    }

    private void CheckPointer(FunctionCode kernel, int index, ulong pointer)
    {
        // A null pointer says that something is not wanted; one past the end is that of an empty array.
        if (pointer == 0 || _memory.Find(pointer, 0) is { IsFreed: false })
        {
            return;
        }
        var nearest = _memory.Nearest(pointer);
        if (nearest is { IsFreed: true } && nearest.Contains(pointer, 0))
        {
            throw new InterpreterException(
                Finding.UseAfterFree,
                $"argument {index} of kernel {kernel.Name} is a pointer into {nearest.Name}, which was given back"
            )
            {
                Kernel = kernel.Name,
            };
        }
        throw BadArgument(kernel, index, $"is used as a pointer, and 0x{pointer:x} points to no memory of the device");
    }

    private static InterpreterException BadArgument(FunctionCode kernel, int index, string message)
    {
        var parameter = kernel.KernelParameters[index];
        return new InterpreterException(
            Finding.BadArguments,
            $"argument {index} of kernel {kernel.Name} ({parameter.Name}, {parameter.Bytes} bytes) {message}"
        )
        {
            Kernel = kernel.Name,
        };
    }
}
