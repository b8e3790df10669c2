// Instructions on bit patterns.

using System.Numerics;
using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal static class BitArithmetic
{
    /// <summary>The function of an instruction on bits; null if there is none of that name.</summary>
    internal static Delegate? Find(Opcode opcode)
    {
        var type = opcode.Type;
        var (bits, mask) = (type.Bits, type.Mask);
        switch (opcode.Mnemonic)
        {
            case "and":
                return new Binary((a, b) => a & b);
            case "or":
                return new Binary((a, b) => a | b);
            case "xor":
                return new Binary((a, b) => a ^ b);
            case "not":
                return new Unary(a => ~a & mask);
            case "cnot":
                return new Unary(a => Bits.Of(a == 0));
            case "shl":
                // Shifts by the width or more give 0: amounts are clamped, not wrapped.
                return new Binary((a, b) => (uint)b >= (uint)bits ? 0 : (a << (int)b) & mask);
            case "shr" when type.IsSigned:
                return new Binary(
                    (a, b) => (ulong)(Bits.Signed(a, bits) >> (int)Math.Min((uint)b, (uint)bits - 1)) & mask
                );
            case "shr":
                return new Binary((a, b) => (uint)b >= (uint)bits ? 0 : a >> (int)b);
            case "shf":
                return FunnelShift(opcode);
            case "popc":
                return new Unary(a => (ulong)BitOperations.PopCount(a));
            case "clz":
                return new Unary(a => (ulong)(BitOperations.LeadingZeroCount(a) - (64 - bits)));
            case "brev":
                return new Unary(a => Reverse(a) >> (64 - bits));
            case "bfind":
                return FindLeadingBit(opcode, type);
            case "bfe":
                return ExtractField(type);
            case "bfi":
                return InsertField(type);
            case "prmt":
                return Permute(opcode);
            default:
                return null;
        }
    }

    /// <summary>lop3: any function of three bits, given as its table of eight results.</summary>
    internal static Ternary LogicTable(ulong table) =>
        (a, b, c) =>
        {
            var result = 0UL;
            for (var row = 0; row < 8; row++)
            {
                if (((table >> row) & 1) != 0)
                {
                    result |= ((row & 4) != 0 ? a : ~a) & ((row & 2) != 0 ? b : ~b) & ((row & 1) != 0 ? c : ~c);
                }
            }
            return result & 0xffffffff;
        };

    private static Ternary FunnelShift(Opcode opcode)
    {
        var isLeft = opcode.TakeAny("l", "r") == "l";
        var wraps = opcode.TakeAny("wrap", "clamp") == "wrap";
        return (a, b, c) =>
        {
            var both = (b << 32) | a;
            var amount = wraps ? (int)(c & 31) : (int)Math.Min(c, 32);
            return isLeft ? (both << amount) >> 32 : (both >> amount) & 0xffffffff;
        };
    }

    private static ulong Reverse(ulong a)
    {
        var result = 0UL;
        for (var bit = 0; bit < 64; bit++)
        {
            result |= ((a >> bit) & 1) << (63 - bit);
        }
        return result;
    }

    private static Unary FindLeadingBit(Opcode opcode, PtxType type)
    {
        var isShiftAmount = opcode.Take("shiftamt");
        var bits = type.Bits;
        return a =>
        {
            var value = type.IsSigned && Bits.Signed(a, bits) < 0 ? ~a & type.Mask : a;
            if (value == 0)
            {
                return 0xffffffff;
            }
            var position = 63 - BitOperations.LeadingZeroCount(value);
            return (ulong)(isShiftAmount ? bits - 1 - position : position);
        };
    }

    private static Ternary ExtractField(PtxType type) =>
        (a, b, c) =>
        {
            var (start, length) = ((int)(b & 0xff), (int)(c & 0xff));
            if (length == 0)
            {
                return 0;
            }
            // What lies past the highest bit repeats the sign, or is 0.
            var extended = type.IsSigned ? Bits.Signed(a, type.Bits) : (long)a;
            var shifted =
                type.IsSigned ? extended >> Math.Min(start, 63)
                : start >= 64 ? 0
                : (long)((ulong)extended >> start);
            var field = length >= 64 ? shifted : shifted & (long)Bits.Mask(length);
            if (type.IsSigned && length < 64)
            {
                field = Bits.Signed((ulong)field, length);
            }
            return (ulong)field & type.Mask;
        };

    private static Quaternary InsertField(PtxType type) =>
        (a, b, c, d) =>
        {
            var (start, length) = ((int)(c & 0xff), (int)(d & 0xff));
            if (start >= type.Bits || length == 0)
            {
                return b;
            }
            var field = (length >= 64 ? ulong.MaxValue : Bits.Mask(length)) << start;
            return ((b & ~field) | ((a << start) & field)) & type.Mask;
        };

    private static Ternary Permute(Opcode opcode)
    {
        var mode = opcode.TakeAny("f4e", "b4e", "rc8", "ecl", "ecr", "rc16");
        if (mode is not null)
        {
            throw new UnsupportedInstructionException($"{opcode}: the modes of prmt are not supported");
        }
        return (a, b, c) =>
        {
            var bytes = (b << 32) | a;
            var result = 0UL;
            for (var i = 0; i < 4; i++)
            {
                var selector = (c >> (4 * i)) & 0xf;
                var value = (bytes >> (int)(8 * (selector & 7))) & 0xff;
                if ((selector & 8) != 0)
                {
                    value = (value & 0x80) != 0 ? 0xffUL : 0;
                }
                result |= value << (8 * i);
            }
            return result;
        };
    }
}
