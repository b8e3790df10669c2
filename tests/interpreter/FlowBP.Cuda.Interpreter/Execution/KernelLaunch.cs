// One launch: blocks one after another, each to its end. That is an order in which a GPU may run them, and a kernel whose
// result is right must be right in it; what other orders would do is what the checks of ordering are for.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Memory;
using FlowBP.Cuda.Interpreter.Ordering;

namespace FlowBP.Cuda.Interpreter.Execution;

internal sealed class KernelLaunch
{
    private readonly LoadedModule _module;
    private readonly FunctionCode _kernel;
    private readonly Random? _shuffle;

    /// <param name="module">The kernel's module.</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="grid">Number of blocks.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="dynamicSharedBytes">Dynamic shared memory.</param>
    /// <param name="memory">Global memory.</param>
    /// <param name="parameters">The kernel's parameters.</param>
    /// <param name="firstStamp">Dates of this launch begin here.</param>
    /// <param name="options">How it runs.</param>
    internal KernelLaunch(
        LoadedModule module,
        FunctionCode kernel,
        Dim3 grid,
        Dim3 block,
        int dynamicSharedBytes,
        DeviceMemory memory,
        MemoryRegion parameters,
        uint firstStamp,
        LaunchOptions options
    )
    {
        (_module, _kernel, Grid, Block) = (module, kernel, grid, block);
        (DynamicSharedBytes, Parameters, Options) = (dynamicSharedBytes, parameters, options);
        _shuffle = options.Seed is { } seed ? new Random(seed) : null;
        Order = new HappensBefore(firstStamp);
        Memory = new MemoryUnit(this, memory);
        Processor = new Processor(this, Memory);
        Shared = new SharedMemory(module, kernel, dynamicSharedBytes);
        Threads = new KernelThread[block.Count];
        for (var i = 0; i < Threads.Length; i++)
        {
            Threads[i] = new KernelThread(this, i);
        }
    }

    internal Dim3 Grid { get; }

    internal Dim3 Block { get; }

    internal int DynamicSharedBytes { get; }

    internal MemoryRegion Parameters { get; }

    internal LaunchOptions Options { get; }

    internal HappensBefore Order { get; }

    internal MemoryUnit Memory { get; }

    internal Processor Processor { get; }

    internal SharedMemory Shared { get; }

    internal KernelThread[] Threads { get; }

    /// <summary>Instructions executed by all threads.</summary>
    internal long Executed { get; set; }

    internal void Run()
    {
        var blocks = Enumerable.Range(0, (int)Grid.Count);
        if (_shuffle is not null)
        {
            var shuffled = blocks.ToArray();
            _shuffle.Shuffle(shuffled);
            blocks = shuffled;
        }
        foreach (var index in blocks)
        {
            var position = new Dim3(index % Grid.X, index / Grid.X % Grid.Y, index / Grid.X / Grid.Y);
            Shared.Clear();
            Order.ForgetReleases(AddressSpace.Shared, AddressSpace.Private);
            new BlockRun(this, position, index, _shuffle).Run(_kernel);
        }
    }

    /// <summary>A finding at the instruction that a thread is about to execute.</summary>
    internal InterpreterException Error(Finding finding, KernelThread thread, string message)
    {
        var instruction = thread.Code.Function.Instructions[thread.Next];
        var source = instruction.SourceLine is { } place ? $" ({place})" : "";
        var function = thread.Code == _kernel ? "" : $" in {thread.Code.Name}";
        return new InterpreterException(
            finding,
            $"kernel {_kernel.Name}{function}, block {thread.Block.Position}, thread {thread.Position}, "
                + $"{Where(instruction.Line)}{source}: {message}"
        )
        {
            Kernel = _kernel.Name,
            PtxLine = instruction.Line,
            SourceLine = instruction.SourceLine,
        };
    }

    /// <summary>A line of the PTX, with its text.</summary>
    internal string Where(int line) => $"PTX line {line} `{_module.Syntax.Line(line)}`";

    /// <summary>Names a thread by its numbers in the block and the grid.</summary>
    internal string NameOf(int thread, int block, KernelThread seenFrom)
    {
        var position = Threads[thread].Position;
        if (block == seenFrom.Block.Order.Index)
        {
            return $"thread {position} of the same block";
        }
        return $"thread {position} of block {new Dim3(block % Grid.X, block / Grid.X % Grid.Y, block / Grid.X / Grid.Y)}";
    }
}

/// <summary>How a launch runs.</summary>
/// <param name="Seed">Of the order of blocks and warps; null for the order of their numbers.</param>
/// <param name="MaxInstructionsPerThread">A thread that executes more is taken for one that never ends.</param>
internal sealed record LaunchOptions(int? Seed, long MaxInstructionsPerThread);
