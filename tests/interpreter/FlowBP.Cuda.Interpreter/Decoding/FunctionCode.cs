// A function ready to run.

using FlowBP.Cuda.Interpreter.Execution;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Decoding;

/// <summary>A variable of a thread's own, in the frame of the function that declares it.</summary>
internal readonly record struct PrivateVariable(long Offset, long Bytes);

/// <summary>A parameter of a kernel.</summary>
/// <param name="Name">As the PTX names it.</param>
/// <param name="Offset">From the beginning of parameter space.</param>
/// <param name="Bytes">Size.</param>
internal sealed record KernelParameter(string Name, long Offset, long Bytes)
{
    /// <summary>The kernel takes it for an address of global memory.</summary>
    internal bool IsPointer { get; set; }
}

internal sealed class FunctionCode(PtxFunction function)
{
    internal PtxFunction Function { get; } = function;

    internal string Name => Function.Name;

    internal Instruction[] Instructions { get; set; } = [];

    /// <summary>What the register file holds before the first instruction; registers hold a pattern that shows.</summary>
    internal ulong[] InitialSlots { get; set; } = [];

    /// <summary>Slots of special registers.</summary>
    internal (int Slot, Func<KernelThread, ulong> Value)[] SpecialSlots { get; set; } = [];

    /// <summary>Slots of addresses of private variables, with the variable's place in the frame.</summary>
    internal (int Slot, long Offset)[] PrivateSlots { get; set; } = [];

    /// <summary>Variables of the thread's own: local ones, parameters of calls, and of this function if it isn't a kernel.</summary>
    internal List<PrivateVariable> PrivateVariables { get; } = [];

    /// <summary>Where the callee of a call finds its parameters in its frame.</summary>
    internal List<PrivateVariable> Parameters { get; } = [];

    /// <summary>Where the callee leaves its results.</summary>
    internal List<PrivateVariable> Results { get; } = [];

    /// <summary>Size of the frame.</summary>
    internal long PrivateBytes { get; set; }

    /// <summary>Bytes of local variables.</summary>
    internal long LocalBytes { get; set; }

    internal List<KernelParameter> KernelParameters { get; } = [];

    /// <summary>Size of the parameter space of a kernel.</summary>
    internal long ParameterBytes { get; set; }

    /// <summary>Shared variables that it names.</summary>
    internal HashSet<PtxVariable> SharedVariables { get; } = [];

    internal HashSet<FunctionCode> Callees { get; } = [];

    /// <summary>The function and all that it calls.</summary>
    internal IEnumerable<FunctionCode> Closure()
    {
        var found = new HashSet<FunctionCode> { this };
        var open = new Stack<FunctionCode>(found);
        while (open.TryPop(out var function))
        {
            foreach (var callee in function.Callees.Where(found.Add))
            {
                open.Push(callee);
            }
        }
        return found;
    }
}
