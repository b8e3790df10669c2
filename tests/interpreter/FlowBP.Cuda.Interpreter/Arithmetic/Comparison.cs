// Comparisons and selections. A floating-point comparison with a NaN is false, unless its name ends in u (unordered).

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal static class Comparison
{
    private static readonly string[] s_names =
    [
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "lo",
        "ls",
        "hi",
        "hs",
        "equ",
        "neu",
        "ltu",
        "leu",
        "gtu",
        "geu",
        "num",
        "nan",
    ];

    /// <summary>Whether the comparison of an instruction holds between two operands: 1 or 0.</summary>
    internal static Binary Find(Opcode opcode, PtxType type)
    {
        var name =
            opcode.TakeAny(s_names) ?? throw new UnsupportedInstructionException($"{opcode} names no comparison");
        if (type.IsFloat)
        {
            return OfFloats(name, type, opcode.Take("ftz"));
        }
        // lo, ls, hi and hs compare without sign whatever the type; bits are compared for equality only.
        var isSigned = type.IsSigned && name is not ("lo" or "ls" or "hi" or "hs");
        var bits = type.Bits;
        return name switch
        {
            "eq" => (a, b) => Bits.Of(a == b),
            "ne" => (a, b) => Bits.Of(a != b),
            "lt" when isSigned => (a, b) => Bits.Of(Bits.Signed(a, bits) < Bits.Signed(b, bits)),
            "le" when isSigned => (a, b) => Bits.Of(Bits.Signed(a, bits) <= Bits.Signed(b, bits)),
            "gt" when isSigned => (a, b) => Bits.Of(Bits.Signed(a, bits) > Bits.Signed(b, bits)),
            "ge" when isSigned => (a, b) => Bits.Of(Bits.Signed(a, bits) >= Bits.Signed(b, bits)),
            "lt" or "lo" => (a, b) => Bits.Of(a < b),
            "le" or "ls" => (a, b) => Bits.Of(a <= b),
            "gt" or "hi" => (a, b) => Bits.Of(a > b),
            "ge" or "hs" => (a, b) => Bits.Of(a >= b),
            _ => throw new UnsupportedInstructionException($"{opcode}: {name} doesn't compare {type}"),
        };
    }

    /// <summary>How setp joins its comparison with a third operand.</summary>
    internal static Func<bool, bool, bool>? Combination(Opcode opcode) =>
        opcode.TakeAny("and", "or", "xor") switch
        {
            "and" => (a, b) => a && b,
            "or" => (a, b) => a || b,
            "xor" => (a, b) => a != b,
            _ => null,
        };

    private static Binary OfFloats(string name, PtxType type, bool isFlushed)
    {
        if (type.Lanes != 1)
        {
            throw new UnsupportedInstructionException($"comparisons of {type} are not supported");
        }
        var read = Types.ReaderOf(type);
        if (isFlushed)
        {
            var plain = read;
            read = bits => Bits.Flush((float)plain(bits));
        }
        Func<double, double, bool> compare = name switch
        {
            "eq" => (a, b) => a == b,
            "ne" => (a, b) => !double.IsNaN(a) && !double.IsNaN(b) && a != b,
            "lt" => (a, b) => a < b,
            "le" => (a, b) => a <= b,
            "gt" => (a, b) => a > b,
            "ge" => (a, b) => a >= b,
            "equ" => (a, b) => !(a < b || a > b),
            "neu" => (a, b) => a != b,
            "ltu" => (a, b) => !(a >= b),
            "leu" => (a, b) => !(a > b),
            "gtu" => (a, b) => !(a <= b),
            "geu" => (a, b) => !(a < b),
            "num" => (a, b) => !double.IsNaN(a) && !double.IsNaN(b),
            "nan" => (a, b) => double.IsNaN(a) || double.IsNaN(b),
            _ => throw new UnsupportedInstructionException($"{name} doesn't compare {type}"),
        };
        return (a, b) => Bits.Of(compare(read(a), read(b)));
    }
}
