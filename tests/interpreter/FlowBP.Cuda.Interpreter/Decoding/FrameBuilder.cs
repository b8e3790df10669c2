// Gives everything that an instruction may name a slot in the register file.

using FlowBP.Cuda.Interpreter.Arithmetic;
using FlowBP.Cuda.Interpreter.Execution;
using FlowBP.Cuda.Interpreter.Memory;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Decoding;

internal sealed class FrameBuilder
{
    /// <summary>What registers hold before they are written: large as a number, wrong as an address.</summary>
    private const ulong Unwritten = 0xBAD0_BAD0_BAD0_BAD0;

    private readonly FunctionCode _code;
    private readonly ModuleLayout _layout;
    private readonly List<ulong> _initial = [];
    private readonly Dictionary<PtxRegister, int> _registers = [];
    private readonly Dictionary<ulong, int> _constants = [];
    private readonly Dictionary<string, int> _specials = [];
    private readonly Dictionary<PtxVariable, int> _privateSlots = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<PtxVariable, PrivateVariable> _private = new(ReferenceEqualityComparer.Instance);
    private int _sink = -1;

    internal FrameBuilder(FunctionCode code, ModuleLayout layout)
    {
        _code = code;
        _layout = layout;
        var function = code.Function;
        if (function.IsEntry)
        {
            PlaceKernelParameters(function);
        }
        else
        {
            code.Parameters.AddRange(function.Parameters.Select(PlacePrivate));
            code.Results.AddRange(function.Results.Select(PlacePrivate));
        }
        foreach (var variable in function.Variables.Where(v => v.Space is StateSpace.Local or StateSpace.Parameter))
        {
            _ = PlacePrivate(variable);
            code.LocalBytes += variable.Space == StateSpace.Local ? variable.Bytes : 0;
        }
    }

    /// <summary>Writes the frame's description to the function.</summary>
    internal void Finish()
    {
        _code.InitialSlots = [.. _initial];
        _code.SpecialSlots = [.. _specials.Select(special => (special.Value, SpecialRegisters.Find(special.Key)!))];
        _code.PrivateSlots = [.. _privateSlots.Select(slot => (slot.Value, _private[slot.Key].Offset))];
    }

    /// <summary>The slot of an operand that is read.</summary>
    /// <param name="operand">A register, a constant, or the address of a variable.</param>
    /// <param name="type">What the instruction takes it for.</param>
    /// <param name="scope">Where names are looked up.</param>
    internal int Read(PtxOperand operand, PtxType type, PtxScope scope) =>
        operand switch
        {
            LiteralOperand literal when type.IsFloat => Constant(LiteralConversion.ToFloat(literal, type)),
            LiteralOperand literal => Constant(literal.Bits & type.Mask),
            NameOperand { Negated: false } name => ReadName(name.Name, scope),
            _ => throw new UnsupportedInstructionException($"operand {operand} is not supported here"),
        };

    /// <summary>The slot of a predicate, and whether it is negated.</summary>
    internal (int Slot, bool IsNegated) Predicate(PtxOperand operand, PtxScope scope) =>
        operand is NameOperand name
            ? (ReadName(name.Name, scope), name.Negated)
            : (Read(operand, Types.Predicate, scope), false);

    /// <summary>The slot of a destination; the sink _ has one that nobody reads.</summary>
    internal int Write(PtxOperand operand, PtxScope scope) => Write(operand, scope, out _);

    /// <summary>The slot of a destination, and the bits that it keeps.</summary>
    internal int Write(PtxOperand operand, PtxScope scope, out ulong mask)
    {
        var name = (operand as NameOperand)?.Name;
        if (name == "_")
        {
            mask = ulong.MaxValue;
            return _sink >= 0 ? _sink : _sink = NewSlot(Unwritten);
        }
        if (name is not null && scope.Find(name) is PtxRegister register)
        {
            mask = register.Type.Mask;
            return SlotOf(register);
        }
        throw new UnsupportedInstructionException($"{operand} is not a register that can be written");
    }

    /// <summary>The declared type of a register; null for anything else.</summary>
    internal static PtxType? TypeOf(PtxOperand operand, PtxScope scope) =>
        operand is NameOperand name && scope.Find(name.Name) is PtxRegister register ? register.Type : null;

    internal int Constant(ulong value)
    {
        if (!_constants.TryGetValue(value, out var slot))
        {
            _constants.Add(value, slot = NewSlot(value));
        }
        return slot;
    }

    /// <summary>Where a variable lies in the private frame.</summary>
    internal PrivateVariable PrivatePlace(PtxOperand operand, PtxScope scope) =>
        operand is NameOperand name
        && scope.Find(name.Name) is PtxVariable variable
        && _private.TryGetValue(variable, out var place)
            ? place
            : throw new UnsupportedInstructionException($"{operand} is not a parameter of a call");

    private int ReadName(string name, PtxScope scope)
    {
        switch (scope.Find(name))
        {
            case PtxRegister register:
                return SlotOf(register);
            case PtxVariable variable:
                return AddressSlot(variable);
            default:
                break;
        }
        if (name == "WARP_SZ")
        {
            return Constant(32);
        }
        if (SpecialRegisters.Find(name) is null)
        {
            throw new UnsupportedInstructionException($"{name} is not declared");
        }
        if (!_specials.TryGetValue(name, out var slot))
        {
            _specials.Add(name, slot = NewSlot(Unwritten));
        }
        return slot;
    }

    private int SlotOf(PtxRegister register)
    {
        if (!_registers.TryGetValue(register, out var slot))
        {
            _registers.Add(register, slot = NewSlot(Unwritten & register.Type.Mask));
        }
        return slot;
    }

    private int AddressSlot(PtxVariable variable)
    {
        if (variable.Space == StateSpace.Shared)
        {
            _ = _code.SharedVariables.Add(variable);
        }
        if (_layout.AddressOf(variable) is { } address)
        {
            return Constant(address);
        }
        if (variable.Space == StateSpace.Parameter && _code.Function.IsEntry)
        {
            var index = _code.Function.Parameters.IndexOf(variable);
            if (index >= 0)
            {
                return Constant(AddressSpace.Parameters + (ulong)_code.KernelParameters[index].Offset);
            }
        }
        if (!_private.ContainsKey(variable))
        {
            throw new UnsupportedInstructionException($"{variable.Name} is declared, but defined nowhere");
        }
        if (!_privateSlots.TryGetValue(variable, out var slot))
        {
            _privateSlots.Add(variable, slot = NewSlot(Unwritten));
        }
        return slot;
    }

    private void PlaceKernelParameters(PtxFunction function)
    {
        foreach (var parameter in function.Parameters)
        {
            var offset = AlignUp(_code.ParameterBytes, parameter.Alignment);
            _code.KernelParameters.Add(new KernelParameter(parameter.Name, offset, parameter.Bytes));
            _code.ParameterBytes = offset + parameter.Bytes + ModuleLayout.Gap;
        }
    }

    private PrivateVariable PlacePrivate(PtxVariable variable)
    {
        var offset = AlignUp(_code.PrivateBytes, variable.Alignment);
        var place = new PrivateVariable(offset, variable.Bytes);
        _private.Add(variable, place);
        _code.PrivateVariables.Add(place);
        _code.PrivateBytes = offset + variable.Bytes + ModuleLayout.Gap;
        return place;
    }

    private static long AlignUp(long offset, int alignment) =>
        (long)ModuleLayout.AlignUp((ulong)offset, Math.Max(alignment, ModuleLayout.Gap));

    private int NewSlot(ulong value)
    {
        _initial.Add(value);
        return _initial.Count - 1;
    }
}
