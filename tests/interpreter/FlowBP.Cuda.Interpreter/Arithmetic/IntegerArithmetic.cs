// Integer instructions. Operands of up to 32 bits are computed in 64, so that neither products nor carries are lost.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal static class IntegerArithmetic
{
    /// <summary>The function of an instruction on integers; null if there is none of that name.</summary>
    internal static Delegate? Find(Opcode opcode)
    {
        var type = opcode.Type;
        if (!type.IsInteger)
        {
            return null;
        }
        var (bits, mask, isSigned) = (type.Bits, type.Mask, type.IsSigned);
        switch (opcode.Mnemonic)
        {
            case "add":
                return opcode.Take("sat") ? Saturated(bits, (a, b) => a + b) : new Binary((a, b) => (a + b) & mask);
            case "sub":
                return opcode.Take("sat") ? Saturated(bits, (a, b) => a - b) : new Binary((a, b) => (a - b) & mask);
            case "mul":
                return Multiply(opcode, type);
            case "mad":
                return MultiplyAdd(opcode, type);
            case "mul24":
                return Multiply24(opcode, isSigned);
            case "mad24":
                var product = Multiply24(opcode, isSigned);
                return new Ternary((a, b, c) => (product(a, b) + c) & mask);
            case "div":
                return Divide(type);
            case "rem":
                return Remainder(type);
            case "sad":
                return isSigned
                    ? new Ternary(
                        (a, b, c) => (c + (ulong)Int128.Abs((Int128)Bits.Signed(a, bits) - Bits.Signed(b, bits))) & mask
                    )
                    : new Ternary((a, b, c) => (c + (a > b ? a - b : b - a)) & mask);
            case "abs":
                return new Unary(a => (ulong)(Bits.Signed(a, bits) < 0 ? 0 - Bits.Signed(a, bits) : (long)a) & mask);
            case "neg":
                return new Unary(a => (0 - a) & mask);
            case "min":
                return isSigned
                    ? new Binary((a, b) => Bits.Signed(a, bits) < Bits.Signed(b, bits) ? a : b)
                    : new Binary(Math.Min);
            case "max":
                return isSigned
                    ? new Binary((a, b) => Bits.Signed(a, bits) > Bits.Signed(b, bits) ? a : b)
                    : new Binary(Math.Max);
            case "dp4a":
                return DotProduct4(opcode);
            default:
                return null;
        }
    }

    private static Binary Saturated(int bits, Func<Int128, Int128, Int128> f)
    {
        var (lowest, highest) = (-(Int128.One << (bits - 1)), (Int128.One << (bits - 1)) - 1);
        return (a, b) =>
            (ulong)Int128.Clamp(f(Bits.Signed(a, bits), Bits.Signed(b, bits)), lowest, highest) & Bits.Mask(bits);
    }

    private static Binary Multiply(Opcode opcode, PtxType type)
    {
        var (bits, mask) = (type.Bits, type.Mask);
        switch (opcode.TakeAny("lo", "hi", "wide"))
        {
            case "wide" when bits <= 32:
                var wideMask = Bits.Mask(2 * bits);
                return type.IsSigned
                    ? (a, b) => (ulong)(Bits.Signed(a, bits) * Bits.Signed(b, bits)) & wideMask
                    : (a, b) => a * b;
            case "hi" when type.IsSigned:
                return (a, b) => (ulong)(((Int128)Bits.Signed(a, bits) * Bits.Signed(b, bits)) >> bits) & mask;
            case "hi":
                return (a, b) => (ulong)(((UInt128)a * b) >> bits) & mask;
            case "lo":
                return (a, b) => (a * b) & mask;
            default:
                throw new UnsupportedInstructionException($"{opcode}: a product of integers is .lo, .hi or .wide");
        }
    }

    private static Ternary MultiplyAdd(Opcode opcode, PtxType type)
    {
        var mask = opcode.Left.Contains("wide") ? Bits.Mask(2 * type.Bits) : type.Mask;
        var product = Multiply(opcode, type);
        return (a, b, c) => (product(a, b) + c) & mask;
    }

    private static Binary Multiply24(Opcode opcode, bool isSigned)
    {
        var isHigh = opcode.TakeAny("lo", "hi") == "hi";
        var shift = isHigh ? 16 : 0;
        return isSigned
            ? (a, b) => (ulong)((Bits.Signed(a, 24) * Bits.Signed(b, 24)) >> shift) & 0xffffffff
            : (a, b) => (((a & 0xffffff) * (b & 0xffffff)) >> shift) & 0xffffffff;
    }

    // A divisor of 0 throws, which the interpreter reports: a GPU goes on with an unspecified number.
    private static Binary Divide(PtxType type)
    {
        var (bits, mask) = (type.Bits, type.Mask);
        return type.IsSigned
            ? (a, b) => b == mask ? (0 - a) & mask : (ulong)(Bits.Signed(a, bits) / Bits.Signed(b, bits)) & mask
            : (a, b) => a / b;
    }

    private static Binary Remainder(PtxType type)
    {
        var (bits, mask) = (type.Bits, type.Mask);
        return type.IsSigned
            ? (a, b) => b == mask ? 0 : (ulong)(Bits.Signed(a, bits) % Bits.Signed(b, bits)) & mask
            : (a, b) => a % b;
    }

    private static Ternary DotProduct4(Opcode opcode)
    {
        var (first, second) = (opcode.Types[0].IsSigned, opcode.Types[1].IsSigned);
        return (a, b, c) =>
        {
            var sum = (long)c;
            for (var shift = 0; shift < 32; shift += 8)
            {
                var x = first ? Bits.Signed(a >> shift, 8) : (long)(a >> shift) & 0xff;
                var y = second ? Bits.Signed(b >> shift, 8) : (long)(b >> shift) & 0xff;
                sum += x * y;
            }
            return (ulong)sum & 0xffffffff;
        };
    }
}
