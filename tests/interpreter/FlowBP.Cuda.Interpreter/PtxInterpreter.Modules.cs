// Modules and their kernels.

using System.Text;
using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Execution;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter;

public sealed partial class PtxInterpreter
{
    /// <inheritdoc/>
    public nint LoadModule(ReadOnlySpan<byte> image, string name)
    {
        var call = $"cuModuleLoadDataEx of {name}";
        if (image.StartsWith("\x7f"u8))
        {
            throw new CudaException(
                call,
                "CUDA_ERROR_NO_BINARY_FOR_GPU",
                "the interpreter takes PTX, not machine code"
            );
        }
        lock (_lock)
        {
            PtxModule syntax;
            try
            {
                syntax = PtxParser.Parse(Encoding.UTF8.GetString(image).TrimEnd('\0'), name);
            }
            catch (PtxSyntaxException e)
            {
                throw new CudaException(call, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed", e.Message);
            }
            if (syntax.Architecture.Number > _device.Architecture.Number)
            {
                throw new CudaException(
                    call,
                    "CUDA_ERROR_NO_BINARY_FOR_GPU",
                    $"compiled for {syntax.Architecture}, the device is {_device.Architecture}"
                );
            }
            CheckParameters(syntax, call);
            var module = NextHandle();
            _modules.Add(module, new LoadedModule(syntax, _memory));
            return module;
        }
    }

    private static void CheckParameters(PtxModule syntax, string call)
    {
        foreach (var function in syntax.Functions.Values.Where(function => function.IsEntry))
        {
            var bytes = function.Parameters.Sum(parameter => parameter.Bytes);
            if (bytes > MaxParameterBytes)
            {
                throw new CudaException(
                    call,
                    "CUDA_ERROR_INVALID_PTX",
                    "a PTX JIT compilation failed",
                    $"line {function.Line}: the parameters of {function.Name} take {bytes} bytes, of {MaxParameterBytes}"
                );
            }
        }
    }

    /// <inheritdoc/>
    public void UnloadModule(nint module)
    {
        lock (_lock)
        {
            Module(module).Unload(_memory);
            _ = _modules.Remove(module);
        }
    }

    /// <inheritdoc/>
    public nint Function(nint module, string name)
    {
        lock (_lock)
        {
            var loaded = Module(module);
            var kernel =
                loaded.Kernel(name)
                ?? throw new CudaException(
                    $"cuModuleGetFunction of {name} in {loaded.Syntax.Name}",
                    "CUDA_ERROR_NOT_FOUND",
                    $"there is no kernel of that name; there are {string.Join(", ", loaded.KernelNames)}"
                );
            foreach (var (known, function) in _functions)
            {
                if (function.Kernel == kernel)
                {
                    return known;
                }
            }
            var handle = NextHandle();
            _functions.Add(handle, (module, kernel));
            return handle;
        }
    }

    /// <summary>
    /// What a kernel needs. Registers are those that the PTX declares, counted in units of 32 bits: more than a compiler for a
    /// device would use, because most of them live shortly.
    /// </summary>
    /// <param name="function">CUfunction.</param>
    public KernelResources Resources(nint function)
    {
        lock (_lock)
        {
            var (module, kernel) = Kernel(function);
            var registers = kernel.Function.Registers.Sum(register => (register.Type.Bits + 31) / 32);
            return new KernelResources(
                registers,
                (int)SharedMemory.StaticBytes(kernel),
                (int)kernel.LocalBytes,
                (int)module.ConstantBytes,
                (int)(kernel.Function.Bounds.Threads?.Count ?? MaxThreadsPerBlock)
            );
        }
    }

    private nint NextHandle() => _handles += 0x10;

    private LoadedModule Module(nint module) =>
        _modules.TryGetValue(module, out var loaded)
            ? loaded
            : throw new InterpreterException(Finding.BadHandle, $"0x{module:x} is not a loaded module");

    private (LoadedModule Module, FunctionCode Kernel) Kernel(nint function) =>
        _functions.TryGetValue(function, out var found)
            ? (Module(found.Module), found.Kernel)
            : throw new InterpreterException(Finding.BadHandle, $"0x{function:x} is not a kernel");
}
