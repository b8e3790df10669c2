// Instructions in which threads meet: barriers of the block, and exchanges within a warp.

using FlowBP.Cuda.Interpreter.Arithmetic;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Decoding;

internal sealed class WarpDecoder(FrameBuilder frame)
{
    /// <summary>bar and barrier: sync, red, and warp.sync.</summary>
    internal Instruction Barrier(Opcode opcode, PtxInstruction instruction)
    {
        _ = opcode.TakeAny("cta");
        _ = opcode.TakeAny("aligned");
        var operands = instruction.Operands;
        if (opcode.Take("warp"))
        {
            _ = opcode.Take("sync");
            return Warp(new WarpInstruction(WarpOperation.Barrier, -1, -1, Read(instruction, 0)));
        }
        if (opcode.Take("sync"))
        {
            CheckNumberIsConstant(operands[0]);
            var threads = operands.Count > 1 ? Read(instruction, 1) : -1;
            return Block(new BarrierInstruction(BarrierReduction.None, -1, false, -1, threads));
        }
        if (!opcode.Take("red"))
        {
            throw new UnsupportedInstructionException(
                $"{opcode}: only barriers at which all threads wait are supported"
            );
        }
        var reduction = opcode.TakeAny("popc", "and", "or") switch
        {
            "popc" => BarrierReduction.Count,
            "and" => BarrierReduction.And,
            _ => BarrierReduction.Or,
        };
        CheckNumberIsConstant(operands[1]);
        var (predicate, isNegated) = frame.Predicate(operands[^1], instruction.Scope);
        return Block(
            new BarrierInstruction(
                reduction,
                predicate,
                isNegated,
                frame.Write(operands[0], instruction.Scope),
                operands.Count > 3 ? Read(instruction, 2) : -1
            )
        );
    }

    internal Instruction Shuffle(Opcode opcode, PtxInstruction instruction)
    {
        _ = opcode.Take("sync");
        var operation = opcode.TakeAny("up", "down", "bfly", "idx") switch
        {
            "up" => WarpOperation.ShuffleUp,
            "down" => WarpOperation.ShuffleDown,
            "bfly" => WarpOperation.ShuffleXor,
            "idx" => WarpOperation.ShuffleIndex,
            _ => throw new UnsupportedInstructionException($"{opcode} names no direction"),
        };
        if (instruction.Operands.Count != 5)
        {
            throw new UnsupportedInstructionException($"{opcode} without a mask of lanes is not supported");
        }
        var (value, predicate) = Destinations(instruction);
        return Warp(
            new WarpInstruction(operation, value, Read(instruction, 1), Read(instruction, 4))
            {
                Predicate = predicate,
                Lane = Read(instruction, 2),
                Clamp = Read(instruction, 3),
            }
        );
    }

    internal Instruction Vote(Opcode opcode, PtxInstruction instruction)
    {
        _ = opcode.Take("sync");
        var operation = opcode.TakeAny("all", "any", "uni", "ballot") switch
        {
            "all" => WarpOperation.VoteAll,
            "any" => WarpOperation.VoteAny,
            "uni" => WarpOperation.VoteUniform,
            _ => WarpOperation.Ballot,
        };
        if (instruction.Operands.Count != 3)
        {
            throw new UnsupportedInstructionException($"{opcode} without a mask of lanes is not supported");
        }
        var (predicate, isNegated) = frame.Predicate(instruction.Operands[1], instruction.Scope);
        var destination = frame.Write(instruction.Operands[0], instruction.Scope);
        return Warp(
            new WarpInstruction(operation, destination, predicate, Read(instruction, 2)) { ValueIsNegated = isNegated }
        );
    }

    internal Instruction Match(Opcode opcode, PtxInstruction instruction)
    {
        var operation = opcode.TakeAny("any", "all") == "all" ? WarpOperation.MatchAll : WarpOperation.MatchAny;
        _ = opcode.Take("sync");
        var (value, predicate) = Destinations(instruction);
        var operand = frame.Read(instruction.Operands[1], opcode.Type, instruction.Scope);
        return Warp(new WarpInstruction(operation, value, operand, Read(instruction, 2)) { Predicate = predicate });
    }

    internal Instruction Reduce(Opcode opcode, PtxInstruction instruction)
    {
        _ = opcode.Take("sync");
        var name =
            opcode.TakeAny("add", "min", "max", "and", "or", "xor")
            ?? throw new UnsupportedInstructionException($"{opcode} names no reduction");
        var plain = new Opcode($"{name}.{opcode.Type.Name}");
        var destination = frame.Write(instruction.Operands[0], instruction.Scope);
        return Warp(
            new WarpInstruction(WarpOperation.Reduce, destination, Read(instruction, 1), Read(instruction, 2))
            {
                Reduction = (Binary)(IntegerArithmetic.Find(plain) ?? BitArithmetic.Find(plain)!),
            }
        );
    }

    internal Instruction ActiveMask(PtxInstruction instruction) =>
        new()
        {
            Operation = Operation.ActiveMask,
            Destination = frame.Write(instruction.Operands[0], instruction.Scope),
        };

    private (int Value, int Predicate) Destinations(PtxInstruction instruction) =>
        instruction.Operands[0] is PairOperand pair
            ? (frame.Write(pair.First, instruction.Scope), frame.Write(pair.Second, instruction.Scope))
            : (frame.Write(instruction.Operands[0], instruction.Scope), -1);

    private int Read(PtxInstruction instruction, int operand) =>
        frame.Read(instruction.Operands[operand], Types.B32, instruction.Scope);

    private static void CheckNumberIsConstant(PtxOperand operand)
    {
        if (operand is not LiteralOperand)
        {
            throw new UnsupportedInstructionException("barriers whose number is computed are not supported");
        }
    }

    private static Instruction Warp(WarpInstruction detail) => new() { Operation = Operation.Warp, Detail = detail };

    private static Instruction Block(BarrierInstruction detail) =>
        new() { Operation = Operation.Barrier, Detail = detail };
}
