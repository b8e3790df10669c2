// Instructions as written to instructions that run: names become slots, labels become positions, opcodes become operations
// or functions. Whatever isn't known stops the module from loading, with the line.

using FlowBP.Cuda.Interpreter.Arithmetic;
using FlowBP.Cuda.Interpreter.Execution;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Decoding;

internal sealed partial class FunctionDecoder
{
    private readonly FunctionCode _code;
    private readonly IReadOnlyDictionary<string, FunctionCode> _functions;
    private readonly FrameBuilder _frame;
    private readonly MemoryDecoder _memory;
    private readonly WarpDecoder _warp;

    private FunctionDecoder(FunctionCode code, ModuleLayout layout, IReadOnlyDictionary<string, FunctionCode> functions)
    {
        _code = code;
        _functions = functions;
        _frame = new FrameBuilder(code, layout);
        _memory = new MemoryDecoder(_frame);
        _warp = new WarpDecoder(_frame);
    }

    /// <summary>Fills a function's code in.</summary>
    /// <param name="code">The function.</param>
    /// <param name="layout">Where the module's variables lie.</param>
    /// <param name="functions">The module's functions; calls refer to them, decoded or not.</param>
    /// <param name="module">For messages.</param>
    /// <exception cref="InterpreterException">An instruction isn't known.</exception>
    internal static void Decode(
        FunctionCode code,
        ModuleLayout layout,
        IReadOnlyDictionary<string, FunctionCode> functions,
        PtxModule module
    )
    {
        var decoder = new FunctionDecoder(code, layout, functions);
        var instructions = new Instruction[code.Function.Instructions.Count];
        for (var i = 0; i < instructions.Length; i++)
        {
            var instruction = code.Function.Instructions[i];
            try
            {
                instructions[i] = decoder.Decode(instruction);
            }
            catch (UnsupportedInstructionException e)
            {
                throw new InterpreterException(
                    Finding.UnsupportedPtx,
                    $"{module.Name}, {code.Name}, PTX line {instruction.Line} `{module.Line(instruction.Line)}`: {e.Message}"
                )
                {
                    Kernel = code.Name,
                    PtxLine = instruction.Line,
                    SourceLine = instruction.SourceLine,
                };
            }
        }
        code.Instructions = instructions;
        decoder._frame.Finish();
        PointerParameters.Find(code);
    }

    private Instruction Decode(PtxInstruction instruction)
    {
        var opcode = new Opcode(instruction.Opcode);
        var decoded = Decode(opcode, instruction);
        if (opcode.Left.Count > 0)
        {
            throw new UnsupportedInstructionException($"unknown modifier .{opcode.Left[0]} of {opcode.Mnemonic}");
        }
        decoded.Guard = -1;
        if (instruction.Guard is { } guard)
        {
            (decoded.Guard, decoded.GuardIsNegated) = _frame.Predicate(guard, instruction.Scope);
        }
        return decoded;
    }

    private Instruction Decode(Opcode opcode, PtxInstruction instruction)
    {
        switch (opcode.Mnemonic)
        {
            case "ld" or "ldu" or "st":
                return _memory.LoadOrStore(opcode, instruction);
            case "atom" or "red":
                return _memory.Atomic(opcode, instruction);
            case "membar" or "fence":
                return MemoryDecoder.Fence(opcode);
            case "prefetch" or "prefetchu":
                return _memory.Prefetch(opcode, instruction);
            case "mov":
                return Move(opcode, instruction);
            case "cvta":
                _ = opcode.Take("to");
                _ = opcode.TakeAny("global", "shared", "shared::cta", "local", "const", "param");
                return Copy(opcode.Type, instruction);
            case "isspacep":
                return IsInSpace(opcode, instruction);
            case "bra":
                _ = opcode.Take("uni");
                return new Instruction { Operation = Operation.Branch, A = Target(instruction, 0) };
            case "brx":
                return BranchTable(opcode, instruction);
            case "call":
                return Call(opcode, instruction);
            case "ret":
                _ = opcode.Take("uni");
                return new Instruction { Operation = Operation.Return };
            case "exit":
                return new Instruction { Operation = Operation.Exit };
            case "trap":
                return new Instruction { Operation = Operation.Trap };
            case "nanosleep" or "pmevent":
                return new Instruction { Operation = Operation.Nothing };
            case "bar" or "barrier":
                return _warp.Barrier(opcode, instruction);
            case "shfl":
                return _warp.Shuffle(opcode, instruction);
            case "vote":
                return _warp.Vote(opcode, instruction);
            case "match":
                return _warp.Match(opcode, instruction);
            case "redux":
                return _warp.Reduce(opcode, instruction);
            case "activemask":
                return _warp.ActiveMask(instruction);
            case "setp":
                return SetPredicate(opcode, instruction);
            case "set":
                return Set(opcode, instruction);
            case "selp":
                return Select(opcode, instruction);
            case "slct":
                return SelectBySign(opcode, instruction);
            case "cvt":
                return Apply(Conversion.Find(opcode), opcode.Types[1], instruction);
            case "lop3":
                return LogicTable(instruction);
            default:
                var function =
                    FloatArithmetic.Find(opcode) ?? IntegerArithmetic.Find(opcode) ?? BitArithmetic.Find(opcode);
                return function is not null
                    ? Apply(function, opcode.Type, instruction)
                    : throw new UnsupportedInstructionException($"unknown instruction {opcode}");
        }
    }

    private Instruction Move(Opcode opcode, PtxInstruction instruction)
    {
        var (to, from) = (instruction.Operands[0], instruction.Operands[1]);
        var type = opcode.Type;
        if (to is VectorOperand parts)
        {
            return new Instruction
            {
                Operation = Operation.Unpack,
                A = _frame.Read(from, type, instruction.Scope),
                D = type.Bits / parts.Elements.Count,
                Detail = parts.Elements.Select(part => _frame.Write(part, instruction.Scope)).ToArray(),
            };
        }
        if (from is VectorOperand whole)
        {
            return new Instruction
            {
                Operation = Operation.Pack,
                Destination = _frame.Write(to, instruction.Scope),
                D = type.Bits / whole.Elements.Count,
                Detail = whole.Elements.Select(part => _frame.Read(part, type, instruction.Scope)).ToArray(),
            };
        }
        if (from is NameOperand name && SpecialRegisters.IsClock(name.Name))
        {
            return new Instruction
            {
                Operation = Operation.Clock,
                Destination = _frame.Write(to, instruction.Scope, out var mask),
                A = _frame.Constant(mask),
            };
        }
        return Copy(type, instruction);
    }

    private Instruction Copy(PtxType type, PtxInstruction instruction) =>
        new()
        {
            Operation = Operation.Move,
            Destination = _frame.Write(instruction.Operands[0], instruction.Scope),
            A = _frame.Read(instruction.Operands[1], type, instruction.Scope),
        };

    private Instruction IsInSpace(Opcode opcode, PtxInstruction instruction)
    {
        var space = opcode.TakeAny("global", "shared", "shared::cta", "local", "const") switch
        {
            "global" => StateSpace.Global,
            "local" => StateSpace.Local,
            "shared" or "shared::cta" => StateSpace.Shared,
            _ => throw new UnsupportedInstructionException($"{opcode}: unknown state space"),
        };
        return new Instruction
        {
            Operation = Operation.Unary,
            Destination = _frame.Write(instruction.Operands[0], instruction.Scope),
            A = _frame.Read(instruction.Operands[1], Types.Address, instruction.Scope),
            Detail = new Unary(address => Bits.Of(Memory.AddressSpace.Of(address) == space)),
        };
    }

    private static int Target(PtxInstruction instruction, int operand) =>
        instruction.Operands[operand] is NameOperand name
            ? Target(name.Name, instruction.Scope)
            : throw new UnsupportedInstructionException("a branch needs a label");

    private static int Target(string label, PtxScope scope) =>
        scope.Find(label) is int position
            ? position
            : throw new UnsupportedInstructionException($"there is no label {label}");

    private Instruction BranchTable(Opcode opcode, PtxInstruction instruction)
    {
        _ = opcode.Take("idx");
        _ = opcode.Take("uni");
        var labels =
            instruction.Operands[1] is NameOperand name && instruction.Scope.Find(name.Name) is List<string> found
                ? found
                : throw new UnsupportedInstructionException("a branch by index needs a list of labels");
        return new Instruction
        {
            Operation = Operation.BranchTable,
            A = _frame.Read(instruction.Operands[0], Types.B32, instruction.Scope),
            Detail = labels.Select(label => Target(label, instruction.Scope)).ToArray(),
        };
    }

    private Instruction Call(Opcode opcode, PtxInstruction instruction)
    {
        _ = opcode.Take("uni");
        var operands = instruction.Operands.ToList();
        var results = operands[0] is ListOperand first ? first.Elements : [];
        if (operands[0] is ListOperand)
        {
            operands.RemoveAt(0);
        }
        var name = (operands[0] as NameOperand)?.Name ?? "";
        if (!_functions.TryGetValue(name, out var callee) || !callee.Function.HasBody)
        {
            throw new UnsupportedInstructionException($"the called function {name} is not defined in the module");
        }
        var arguments = operands.Count > 1 && operands[1] is ListOperand second ? second.Elements : [];
        var function = callee.Function;
        if (arguments.Count != function.Parameters.Count || results.Count != function.Results.Count)
        {
            throw new UnsupportedInstructionException($"the call doesn't fit the parameters of {name}");
        }
        _ = _code.Callees.Add(callee);
        return new Instruction
        {
            Operation = Operation.Call,
            Detail = new CallTarget
            {
                Callee = callee,
                Arguments = [.. arguments.Select(a => _frame.PrivatePlace(a, instruction.Scope).Offset)],
                Results = [.. results.Select(r => _frame.PrivatePlace(r, instruction.Scope).Offset)],
            },
        };
    }

    private Instruction LogicTable(PtxInstruction instruction)
    {
        var table =
            instruction.Operands[4] as LiteralOperand
            ?? throw new UnsupportedInstructionException("the table of lop3 must be a constant");
        return Apply(BitArithmetic.LogicTable(table.Bits), Types.B32, instruction, operands: 3);
    }

    /// <summary>A pure function of as many operands as the delegate has parameters.</summary>
    private Instruction Apply(Delegate function, PtxType type, PtxInstruction instruction, int? operands = null)
    {
        var (operation, count) = function switch
        {
            Unary => (Operation.Unary, 1),
            Binary => (Operation.Binary, 2),
            Ternary => (Operation.Ternary, 3),
            Quaternary => (Operation.Quaternary, 4),
            _ => throw new InvalidOperationException($"{function.GetType()} is no function of bits"),
        };
        if ((operands ?? instruction.Operands.Count - 1) != count)
        {
            throw new UnsupportedInstructionException($"{instruction.Opcode} takes {count} operands");
        }
        int Read(int index) =>
            index <= count
                ? _frame.Read(instruction.Operands[index], OperandType(instruction, index, type), instruction.Scope)
                : 0;
        var destination = _frame.Write(instruction.Operands[0], instruction.Scope, out var mask);
        return new Instruction
        {
            Operation = FastOperations.Find(instruction.Opcode) ?? operation,
            Destination = destination,
            A = Read(1),
            B = Read(2),
            C = Read(3),
            D = Read(4),
            Detail = Extended(function, instruction, mask),
        };
    }

    /// <summary>The addend of a wide product is twice as wide as the factors.</summary>
    private static PtxType OperandType(PtxInstruction instruction, int index, PtxType type) =>
        index == 3
        && instruction.Opcode.StartsWith("mad.wide", StringComparison.Ordinal)
        && PtxType.TryParse($"{type.Name[0]}{2 * type.Bits}", out var wide)
            ? wide
            : type;

    /// <summary>A conversion to a signed type extends its result over the whole of a wider register.</summary>
    private static Delegate Extended(Delegate function, PtxInstruction instruction, ulong mask)
    {
        if (!instruction.Opcode.StartsWith("cvt.", StringComparison.Ordinal) || function is not Unary convert)
        {
            return function;
        }
        var type = new Opcode(instruction.Opcode).Types[0];
        return type.IsSigned && mask != type.Mask
            ? new Unary(a => (ulong)Bits.Signed(convert(a), type.Bits) & mask)
            : function;
    }
}
