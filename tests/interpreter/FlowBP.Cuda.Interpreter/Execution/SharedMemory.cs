// The shared memory of the block that runs. Every block finds it unwritten.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Memory;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Execution;

internal sealed unsafe class SharedMemory
{
    private readonly List<(string Name, ulong Address, long Bytes)> _variables = [];

    // Kept alive: the region points into it.
    private readonly byte[] _bytes;

    internal SharedMemory(LoadedModule module, FunctionCode kernel, int dynamicBytes)
    {
        foreach (var variable in kernel.Closure().SelectMany(function => function.SharedVariables).Distinct())
        {
            if (!ModuleLayout.IsDynamic(variable))
            {
                _variables.Add((variable.Name, module.Layout.AddressOf(variable)!.Value, variable.Bytes));
            }
        }
        var dynamic = module.Layout.DynamicShared;
        _variables.Add(("dynamic shared memory", dynamic, dynamicBytes));
        var bytes = (int)(dynamic - AddressSpace.Shared) + dynamicBytes + ModuleLayout.Gap;
        _bytes = GC.AllocateArray<byte>(bytes, pinned: true);
        var data = (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _bytes[0]);
        Region = new MemoryRegion(
            "shared memory",
            StateSpace.Shared,
            AddressSpace.Shared,
            data,
            bytes,
            MemoryState.Inaccessible
        );
    }

    internal MemoryRegion Region { get; }

    /// <summary>Bytes of the variables that a kernel and its callees name, without those of unknown length.</summary>
    internal static long StaticBytes(FunctionCode kernel) =>
        kernel.Closure().SelectMany(function => function.SharedVariables).Distinct().Sum(variable => variable.Bytes);

    /// <summary>Begins a block.</summary>
    internal void Clear()
    {
        Region.Shadow.ForgetAccesses();
        foreach (var (_, address, bytes) in _variables)
        {
            Region.Shadow.Mark(address, bytes, MemoryState.Uninitialized);
        }
    }

    /// <summary>Where an address lies, in words.</summary>
    internal string Place(ulong address)
    {
        var (name, begin, bytes) = _variables.MinBy(variable => Distance(variable.Address, variable.Bytes, address));
        return address < begin ? $"{begin - address} bytes before {name} ({bytes} bytes)"
            : address < begin + (ulong)bytes ? $"byte {address - begin} of {name} ({bytes} bytes)"
            : $"{address - begin - (ulong)bytes} bytes past the end of {name} ({bytes} bytes)";
    }

    private static ulong Distance(ulong begin, long bytes, ulong address) =>
        address < begin ? begin - address
        : address >= begin + (ulong)bytes ? address - begin - (ulong)bytes + 1
        : 0;
}
