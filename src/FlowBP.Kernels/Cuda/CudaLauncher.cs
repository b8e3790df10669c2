// What every launch of this project's kernels has in common: the kernel is found by name, takes one structure by value, and goes to
// one stream.

using FlowBP.Cuda;

namespace FlowBP.Kernels.Cuda;

/// <summary>Launches kernels by name.</summary>
internal sealed unsafe class CudaLauncher(ICudaDriver driver, Func<string, nint> functions, Func<nint> stream)
{
    /// <summary>Most blocks that a grid can have along y.</summary>
    internal const int MaxGridY = 65535;

    /// <summary>Bytes that a thread loads or stores at a time where alignment allows it.</summary>
    internal const int VectorBytes = 16;

    /// <summary>Blocks that cover so many elements.</summary>
    internal static long BlocksOf(long elements, long elementsPerBlock) =>
        ReductionOrder.QuotientRoundedUp(elements, elementsPerBlock);

    private readonly Dictionary<string, nint> _functions = [];

    internal ICudaDriver Driver { get; } = driver;

    internal nint Stream => stream();

    /// <summary>Queues a kernel.</summary>
    internal void Launch<TParameters>(string kernel, long gridX, int gridY, int threads, ref TParameters parameters)
        where TParameters : unmanaged
    {
        if (gridX > int.MaxValue)
        {
            throw new ArgumentException($"{kernel} would take {gridX} blocks; a grid has {int.MaxValue} at most");
        }
        fixed (TParameters* address = &parameters)
        {
            Driver.Launch(
                FunctionOf(kernel),
                new Dim3((int)gridX, gridY),
                new Dim3(threads),
                sharedBytes: 0,
                Stream,
                [(nint)address]
            );
        }
    }

    private nint FunctionOf(string kernel)
    {
        lock (_functions)
        {
            if (!_functions.TryGetValue(kernel, out var function))
            {
                _functions[kernel] = function = functions(kernel);
            }
            return function;
        }
    }
}
