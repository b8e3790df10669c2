// A CUDA driver made of software: it takes PTX where the real one takes PTX, runs it on the CPU, and checks everything that
// a GPU doesn't. What the real driver would refuse with an error code is a CudaException with the same code's name; what the
// real driver would do wrongly and silently is an InterpreterException.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Execution;
using FlowBP.Cuda.Interpreter.Memory;

namespace FlowBP.Cuda.Interpreter;

/// <summary>
/// Runs kernels from the PTX that a compiler emitted, behind the driver's interface. Work runs when it is queued, in the
/// order of the calls; device memory is host memory, and its pointers are ordinary ones, which nobody but the interpreter
/// should follow.
/// </summary>
public sealed partial class PtxInterpreter : ICudaDriver, IDisposable
{
    private const int MaxThreadsPerBlock = 1024;
    private const int MaxSharedBytes = 227 << 10;
    private const int MaxParameterBytes = 4096;

    private readonly Lock _lock = new();
    private readonly CudaDevice _device;
    private readonly DeviceMemory _memory;
    private readonly StreamOrder _streams = new();
    private readonly Dictionary<nint, LoadedModule> _modules = [];
    private readonly Dictionary<nint, (nint Module, FunctionCode Kernel)> _functions = [];
    private readonly List<DriverOperation> _operations = [];
    private nint _handles = 0x1000;
    private uint _stamp = 1;

    /// <summary>An interpreter that passes for one device.</summary>
    /// <param name="architecture">The device's compute capability; 8.0 if null.</param>
    /// <param name="multiprocessors">Its number of multiprocessors, by which hosts choose grids.</param>
    /// <param name="memoryBytes">Size of its memory.</param>
    public PtxInterpreter(ComputeCapability? architecture = null, int multiprocessors = 4, long memoryBytes = 2L << 30)
    {
        _memory = new DeviceMemory(memoryBytes);
        _device = new CudaDevice(
            0,
            Name,
            architecture ?? new ComputeCapability(8, 0),
            multiprocessors,
            1 << 20,
            memoryBytes,
            MaxThreadsPerBlock,
            MaxSharedBytes
        );
    }

    /// <inheritdoc/>
    public string Name => "PTX interpreter";

    /// <inheritdoc/>
    public int DeviceCount => 1;

    /// <summary>
    /// Seed of the order in which blocks and warps run; null, the default, for the order of their numbers. A kernel's result
    /// must not depend on it.
    /// </summary>
    public int? ScheduleSeed { get; set; }

    /// <summary>A thread that executes more instructions is taken for one that never ends.</summary>
    public long MaxInstructionsPerThread { get; set; } = 1L << 28;

    /// <summary>Instructions executed so far.</summary>
    public long ExecutedInstructions { get; private set; }

    /// <summary>Bytes allocated and not given back.</summary>
    public long AllocatedBytes => _memory.AllocatedBytes;

    /// <summary>All work queued so far, in order.</summary>
    public IReadOnlyList<DriverOperation> Operations => _operations;

    /// <inheritdoc/>
    public CudaDevice Device(int ordinal)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(ordinal, 0);
        return _device;
    }

    /// <summary>Frees all device memory. Pointers to it must not be used any more.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _modules.Clear();
            _functions.Clear();
            _memory.Dispose();
        }
    }
}
