// cvt: between all types, with the rounding that the instruction states. To an integer the value is clamped to the type's
// range and a NaN becomes 0; to a narrower float it is rounded once.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal static class Conversion
{
    /// <summary>The function of a cvt: of one operand, or of two for packed results.</summary>
    internal static Delegate Find(Opcode opcode)
    {
        if (opcode.Types.Count != 2)
        {
            throw new UnsupportedInstructionException($"{opcode}: a conversion names two types");
        }
        var (to, from) = (opcode.Types[0], opcode.Types[1]);
        var rounding = opcode.TakeAny("rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi");
        var isFlushed = opcode.Take("ftz");
        var isSaturated = opcode.Take("sat");
        var isRectified = opcode.Take("relu");
        if (from.IsInteger)
        {
            return to.IsInteger ? BetweenIntegers(to, from, isSaturated) : ToFloat(to, from, rounding);
        }
        var read = Types.ReaderOf(from);
        if (isFlushed && from == Types.F32)
        {
            read = bits => Bits.Flush(Bits.Single(bits));
        }
        if (to.IsInteger)
        {
            var toInteger = ToInteger(to, rounding);
            return new Unary(a => toInteger(read(a)));
        }
        var convert = BetweenFloats(to, from, rounding);
        if (isFlushed && to == Types.F32)
        {
            convert = Then(convert, value => Bits.Flush((float)value));
        }
        if (isSaturated)
        {
            convert = Then(convert, Bits.Saturate);
        }
        if (isRectified)
        {
            convert = Then(convert, value => value < 0 ? 0 : value);
        }
        if (to is { Kind: PtxTypeKind.BFloat } && from == Types.F32 && rounding == "rn" && !isRectified)
        {
            return to.Lanes == 2
                ? new Binary((a, b) => (NearestBFloat(a) << 16) | NearestBFloat(b))
                : new Unary(NearestBFloat);
        }
        var write = Types.WriterOf(to);
        return to.Lanes == 2
            ? new Binary((a, b) => (write(convert(read(a))) << 16) | write(convert(read(b))))
            : new Unary(a => write(convert(read(a))));
    }

    /// <summary>Single precision to bfloat16, to nearest even: what nearly every kernel of this project ends with.</summary>
    private static ulong NearestBFloat(ulong single)
    {
        var bits = (uint)single;
        return (bits & 0x7fffffff) > 0x7f800000 ? Bits.NarrowNaN : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    }

    private static Func<double, double> Then(Func<double, double> first, Func<double, double> second) =>
        value => second(first(value));

    private static Unary BetweenIntegers(PtxType to, PtxType from, bool isSaturated)
    {
        var (fromBits, mask) = (from.Bits, to.Mask);
        if (isSaturated)
        {
            var (lowest, highest) = Range(to);
            return a =>
                (ulong)Int128.Clamp(from.IsSigned ? Bits.Signed(a, fromBits) : a & from.Mask, lowest, highest) & mask;
        }
        return from.IsSigned ? a => (ulong)Bits.Signed(a, fromBits) & mask : a => a & from.Mask & mask;
    }

    private static Unary ToFloat(PtxType to, PtxType from, string? rounding)
    {
        var operations = new RoundedOperations(Types.FormatOf(to), Mode(rounding));
        var write = Types.WriterOf(to);
        var bits = from.Bits;
        return a =>
        {
            System.Numerics.BigInteger integer = from.IsSigned ? Bits.Signed(a, bits) : a & from.Mask;
            return write(new ExactNumber(integer, 0).Round(operations.Format, operations.Mode));
        };
    }

    private static Func<double, ulong> ToInteger(PtxType to, string? rounding)
    {
        var round = IntegerRounding(rounding) ?? throw new UnsupportedInstructionException("cvt names no rounding");
        var (lowest, highest) = Range(to);
        return value =>
        {
            if (double.IsNaN(value))
            {
                return 0;
            }
            var rounded = round(value);
            var integer =
                rounded >= (double)highest ? highest
                : rounded <= (double)lowest ? lowest
                : (Int128)rounded;
            return (ulong)integer & to.Mask;
        };
    }

    private static Func<double, double> BetweenFloats(PtxType to, PtxType from, string? rounding)
    {
        if (IntegerRounding(rounding) is { } round)
        {
            return round;
        }
        var format = Types.FormatOf(to);
        if (format.Precision >= Types.FormatOf(from).Precision && to.Kind != PtxTypeKind.BFloat)
        {
            return value => value;
        }
        return to == Types.F32 && Mode(rounding) == Rounding.NearestEven
            ? value => (float)value
            : new RoundedOperations(format, Mode(rounding)).Round;
    }

    private static Rounding Mode(string? rounding) =>
        rounding switch
        {
            "rz" => Rounding.TowardZero,
            "rm" => Rounding.Down,
            "rp" => Rounding.Up,
            _ => Rounding.NearestEven,
        };

    private static Func<double, double>? IntegerRounding(string? rounding) =>
        rounding switch
        {
            "rni" => value => Math.Round(value, MidpointRounding.ToEven),
            "rzi" => Math.Truncate,
            "rmi" => Math.Floor,
            "rpi" => Math.Ceiling,
            _ => null,
        };

    private static (Int128 Lowest, Int128 Highest) Range(PtxType type) =>
        type.IsSigned
            ? (-(Int128.One << (type.Bits - 1)), (Int128.One << (type.Bits - 1)) - 1)
            : (0, (Int128)type.Mask);
}
