// Loads, stores, atomics and fences. Cache hints change no result and are dropped; whether an access is coherent, strong or
// part of a synchronisation is kept, because races are judged by it.

using FlowBP.Cuda.Interpreter.Arithmetic;
using FlowBP.Cuda.Interpreter.Ordering;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Decoding;

internal sealed class MemoryDecoder(FrameBuilder frame)
{
    internal Instruction LoadOrStore(Opcode opcode, PtxInstruction instruction)
    {
        var isLoad = opcode.Mnemonic is "ld" or "ldu";
        if (instruction.Operands.Count != 2)
        {
            throw new UnsupportedInstructionException($"{opcode} has two operands");
        }
        var (register, place) = isLoad
            ? (instruction.Operands[0], instruction.Operands[1])
            : (instruction.Operands[1], instruction.Operands[0]);
        var address = Address(place);
        var space = Space(opcode);
        var kind = AccessKind.Plain;
        var synchronizes = false;
        if (opcode.Take("nc"))
        {
            kind = AccessKind.NonCoherent;
        }
        else if (opcode.TakeAny("volatile", "relaxed", "acquire", "release", "mmio") is { } semantics)
        {
            kind = AccessKind.Strong;
            synchronizes = semantics is "acquire" or "release";
        }
        _ = opcode.Take("weak");
        var scope = Scope(opcode);
        var count = opcode.TakeAny("v2", "v4", "v8") switch
        {
            "v2" => 2,
            "v4" => 4,
            "v8" => 8,
            _ => 1,
        };
        TakeCacheHints(opcode);
        var elements = register is VectorOperand vector ? vector.Elements : [register];
        if (elements.Count != count)
        {
            throw new UnsupportedInstructionException($"{opcode} moves {count} elements, not {elements.Count}");
        }
        var type = opcode.Type;
        var slots = new int[count];
        var masks = new ulong[count];
        for (var i = 0; i < count; i++)
        {
            if (isLoad)
            {
                slots[i] = frame.Write(elements[i], instruction.Scope, out masks[i]);
            }
            else
            {
                slots[i] = frame.Read(elements[i], type, instruction.Scope);
            }
        }
        return new Instruction
        {
            Operation = isLoad ? Operation.Load : Operation.Store,
            A = frame.Read(address.Place, AddressType, instruction.Scope),
            Detail = new MemoryAccess
            {
                Space = space,
                ElementBytes = type.Bytes,
                IsSigned = type.IsSigned,
                Slots = slots,
                Masks = masks,
                Kind = kind,
                Scope = scope,
                Offset = address.Offset,
                IsSynchronizing = synchronizes,
            },
        };
    }

    internal Instruction Prefetch(Opcode opcode, PtxInstruction instruction)
    {
        _ = Space(opcode);
        TakeCacheHints(opcode);
        _ = opcode.TakeAny("L1", "L2");
        _ = Address(instruction.Operands[0]);
        return new Instruction { Operation = Operation.Nothing };
    }

    internal static Instruction Fence(Opcode opcode)
    {
        if (opcode.Mnemonic == "fence")
        {
            _ = opcode.TakeAny("sc", "acq_rel");
        }
        return new Instruction { Operation = Operation.Fence, A = (int)Scope(opcode) };
    }

    internal Instruction Atomic(Opcode opcode, PtxInstruction instruction)
    {
        var returns = opcode.Mnemonic == "atom";
        var operands = returns ? instruction.Operands.Skip(1).ToList() : [.. instruction.Operands];
        var address = Address(operands[0]);
        var space = Space(opcode);
        var semantics = opcode.TakeAny("relaxed", "acquire", "release", "acq_rel");
        var scope = Scope(opcode);
        _ = opcode.Take("noftz");
        var type = opcode.Type;
        var update = Update(opcode, type);
        TakeCacheHints(opcode);
        int Operand(int index) =>
            index < operands.Count ? frame.Read(operands[index], type, instruction.Scope) : frame.Constant(0);
        return new Instruction
        {
            Operation = Operation.Atomic,
            Destination = returns ? frame.Write(instruction.Operands[0], instruction.Scope) : -1,
            A = frame.Read(address.Place, AddressType, instruction.Scope),
            B = Operand(1),
            C = Operand(2),
            Detail = new AtomicAccess
            {
                Space = space,
                Bytes = type.Bytes,
                Offset = address.Offset,
                Update = update,
                Scope = scope,
                Acquires = semantics is "acquire" or "acq_rel",
                Releases = semantics is "release" or "acq_rel",
            },
        };
    }

    private static PtxType AddressType => Types.Address;

    private static AddressOperand Address(PtxOperand operand) =>
        operand as AddressOperand ?? throw new UnsupportedInstructionException($"{operand} is no address");

    private static StateSpace Space(Opcode opcode) =>
        opcode.TakeAny(
            "global",
            "shared",
            "shared::cta",
            "local",
            "const",
            "param",
            "param::entry",
            "param::func"
        ) switch
        {
            "global" => StateSpace.Global,
            "shared" or "shared::cta" => StateSpace.Shared,
            "local" => StateSpace.Local,
            "const" => StateSpace.Constant,
            null => StateSpace.Generic,
            _ => StateSpace.Parameter,
        };

    private static MemoryScope Scope(Opcode opcode) =>
        opcode.TakeAny("cta", "gpu", "gl", "sys", "cluster") == "cta" ? MemoryScope.Block : MemoryScope.Device;

    private static void TakeCacheHints(Opcode opcode)
    {
        _ = opcode.TakeAny("ca", "cg", "cs", "lu", "cv", "wb", "wt");
        opcode.TakeAll(modifier =>
            modifier.StartsWith("L1::", StringComparison.Ordinal)
            || modifier.StartsWith("L2::", StringComparison.Ordinal)
        );
    }

    /// <summary>The value that an atomic operation leaves, of the old one and its operands.</summary>
    private static Ternary Update(Opcode opcode, PtxType type)
    {
        var mask = type.Mask;
        switch (opcode.TakeAny("add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"))
        {
            case "exch":
                return (_, b, _) => b;
            case "cas":
                return (old, b, c) => old == b ? c : old;
            case "inc":
                return (old, b, _) => old >= b ? 0 : old + 1;
            case "dec":
                return (old, b, _) => old == 0 || old > b ? b : old - 1;
            case "and":
                return (old, b, _) => old & b;
            case "or":
                return (old, b, _) => old | b;
            case "xor":
                return (old, b, _) => old ^ b;
            case { } name and ("add" or "min" or "max"):
                var plain = new Opcode($"{name}.{type.Name}");
                var function = (Binary)(FloatArithmetic.Find(plain) ?? IntegerArithmetic.Find(plain)!);
                return (old, b, _) => function(old, b) & mask;
            default:
                throw new UnsupportedInstructionException($"{opcode}: unknown atomic operation");
        }
    }
}
