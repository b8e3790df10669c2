// Comparisons, which write predicates, and what selects by them.

using FlowBP.Cuda.Interpreter.Arithmetic;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Decoding;

internal sealed partial class FunctionDecoder
{
    private Instruction SetPredicate(Opcode opcode, PtxInstruction instruction)
    {
        var type = opcode.Type;
        var fast = FastOperations.Find(opcode.Text);
        var combination = Comparison.Combination(opcode);
        var compare = Comparison.Find(opcode, type);
        var scope = instruction.Scope;
        var decoded = new Instruction
        {
            A = _frame.Read(instruction.Operands[1], type, scope),
            B = _frame.Read(instruction.Operands[2], type, scope),
        };
        if (combination is null && instruction.Operands[0] is not PairOperand)
        {
            decoded.Destination = _frame.Write(instruction.Operands[0], scope);
            decoded.Operation = fast ?? Operation.Binary;
            decoded.Detail = compare;
            return decoded;
        }
        // Without a third operand: the comparison and its negation.
        combination ??= (result, _) => result;
        var isNegated = false;
        (decoded.C, isNegated) =
            instruction.Operands.Count > 3
                ? _frame.Predicate(instruction.Operands[3], scope)
                : (_frame.Constant(0), false);
        var flip = isNegated ? 1UL : 0;
        decoded.Detail = new Ternary(
            (a, b, c) =>
            {
                var result = compare(a, b) != 0;
                var third = (c ^ flip) != 0;
                return Bits.Of(combination(result, third)) | (Bits.Of(combination(!result, third)) << 1);
            }
        );
        decoded.Operation = Operation.TernaryPair;
        var pair = instruction.Operands[0] as PairOperand;
        decoded.Destination = _frame.Write(pair?.First ?? instruction.Operands[0], scope);
        decoded.D = _frame.Write(pair?.Second ?? new NameOperand("_"), scope);
        return decoded;
    }

    /// <summary>set: a comparison whose result is a number: all ones, or 1.0.</summary>
    private Instruction Set(Opcode opcode, PtxInstruction instruction)
    {
        var (to, from) = (opcode.Types[0], opcode.Types[1]);
        if (Comparison.Combination(opcode) is not null)
        {
            throw new UnsupportedInstructionException($"{opcode} with a third operand is not supported");
        }
        var compare = Comparison.Find(opcode, from);
        var yes = to.IsFloat ? Bits.Of(1f) : to.Mask;
        return Apply(new Binary((a, b) => compare(a, b) != 0 ? yes : 0), from, instruction);
    }

    private Instruction Select(Opcode opcode, PtxInstruction instruction)
    {
        var type = opcode.Type;
        var (predicate, isNegated) = _frame.Predicate(instruction.Operands[3], instruction.Scope);
        var yes = _frame.Read(instruction.Operands[1], type, instruction.Scope);
        var no = _frame.Read(instruction.Operands[2], type, instruction.Scope);
        return new Instruction
        {
            Operation = Operation.Select,
            Destination = _frame.Write(instruction.Operands[0], instruction.Scope),
            A = isNegated ? no : yes,
            B = isNegated ? yes : no,
            C = predicate,
        };
    }

    /// <summary>slct: the first operand where the third is not negative.</summary>
    private Instruction SelectBySign(Opcode opcode, PtxInstruction instruction)
    {
        var (type, signType) = (opcode.Types[0], opcode.Types[1]);
        var isFlushed = opcode.Take("ftz");
        Ternary select =
            signType == Types.F32
                ? (a, b, c) => (isFlushed ? Bits.Flush(Bits.Single(c)) : Bits.Single(c)) >= 0 ? a : b
                : (a, b, c) => (int)c >= 0 ? a : b;
        return new Instruction
        {
            Operation = Operation.Ternary,
            Destination = _frame.Write(instruction.Operands[0], instruction.Scope),
            A = _frame.Read(instruction.Operands[1], type, instruction.Scope),
            B = _frame.Read(instruction.Operands[2], type, instruction.Scope),
            C = _frame.Read(instruction.Operands[3], signType, instruction.Scope),
            Detail = select,
        };
    }
}
