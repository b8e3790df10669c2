// A module in memory: its functions decoded, its variables placed.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Memory;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Execution;

internal sealed unsafe class LoadedModule
{
    private readonly Dictionary<string, FunctionCode> _functions = [];
    private readonly List<MemoryRegion> _variables = [];

    /// <exception cref="InterpreterException">It contains something that isn't known.</exception>
    internal LoadedModule(PtxModule syntax, DeviceMemory memory)
    {
        Syntax = syntax;
        Layout = new ModuleLayout(syntax);
        foreach (var variable in syntax.Variables)
        {
            PlaceVariable(variable, memory);
        }
        foreach (var (name, function) in syntax.Functions)
        {
            _functions.Add(name, new FunctionCode(function));
        }
        foreach (var function in _functions.Values.Where(function => function.Function.HasBody))
        {
            FunctionDecoder.Decode(function, Layout, _functions, syntax);
        }
    }

    internal PtxModule Syntax { get; }

    internal ModuleLayout Layout { get; }

    /// <summary>Bytes of constant variables.</summary>
    internal long ConstantBytes => _variables.Where(v => v.Space == StateSpace.Constant).Sum(v => v.Bytes);

    /// <summary>The kernel of a name; null if there is none.</summary>
    internal FunctionCode? Kernel(string name) =>
        _functions.TryGetValue(name, out var function) && function.Function is { IsEntry: true, HasBody: true }
            ? function
            : null;

    internal IEnumerable<string> KernelNames =>
        _functions.Values.Where(function => function.Function.IsEntry).Select(function => function.Name);

    internal void Unload(DeviceMemory memory)
    {
        foreach (var variable in _variables)
        {
            memory.Release(variable);
        }
    }

    private void PlaceVariable(PtxVariable variable, DeviceMemory memory)
    {
        if (variable.Space is not (StateSpace.Global or StateSpace.Constant) || variable.IsExternal)
        {
            return;
        }
        var region = memory.AddVariable(variable.Name, variable.Space, variable.Bytes);
        // What has no initializer is zero.
        var content = new Span<byte>(region.Data, (int)variable.Bytes);
        content.Clear();
        variable.Initializer?.CopyTo(content);
        _variables.Add(region);
        Layout.Place(variable, region.Address);
    }
}
