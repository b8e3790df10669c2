// Floating-point instructions. Single and double precision rounded to nearest run on the hardware, which is IEEE 754's;
// other rounding modes and the 16-bit formats go through exact numbers. The approximate instructions (ex2.approx,
// rsqrt.approx, div.full …) return the correctly rounded result, which is within every error bound that PTX states.

using FlowBP.Cuda.Interpreter.Decoding;
using FlowBP.Cuda.Interpreter.Parsing;

namespace FlowBP.Cuda.Interpreter.Arithmetic;

internal static class FloatArithmetic
{
    /// <summary>The function of an instruction on floating-point numbers; null if there is none of that name.</summary>
    internal static Delegate? Find(Opcode opcode)
    {
        var type = opcode.Type;
        if (!type.IsFloat)
        {
            return null;
        }
        return opcode.Mnemonic switch
        {
            "neg" => SignBit(opcode, type, (bits, sign) => bits ^ sign),
            "abs" => SignBit(opcode, type, (bits, sign) => bits & ~sign),
            "copysign" => CopySign(type),
            "testp" => Test(opcode, type),
            _ => Rounded(opcode, type),
        };
    }

    private static Unary SignBit(Opcode opcode, PtxType type, Func<ulong, ulong, ulong> change)
    {
        var sign = type.Lanes == 2 ? 0x80008000UL : 1UL << (type.Bits - 1);
        return opcode.Take("ftz") && type == Types.F32
            ? a => change(BitConverter.SingleToUInt32Bits(Bits.Flush(Bits.Single(a))), sign)
            : a => change(a, sign);
    }

    /// <summary>The first operand's sign on the second one's magnitude.</summary>
    private static Binary CopySign(PtxType type)
    {
        var sign = 1UL << (type.Bits - 1);
        return (a, b) => (a & sign) | (b & ~sign);
    }

    private static Unary Test(Opcode opcode, PtxType type)
    {
        Predicate<double> test = opcode.TakeAny(
            "finite",
            "infinite",
            "number",
            "notanumber",
            "normal",
            "subnormal"
        ) switch
        {
            "finite" => double.IsFinite,
            "infinite" => double.IsInfinity,
            "number" => value => !double.IsNaN(value),
            "notanumber" => double.IsNaN,
            "normal" when type == Types.F32 => value => float.IsNormal((float)value),
            "normal" => double.IsNormal,
            "subnormal" when type == Types.F32 => value => float.IsSubnormal((float)value),
            "subnormal" => double.IsSubnormal,
            _ => throw new UnsupportedInstructionException($"{opcode}: unknown property"),
        };
        return type == Types.F32 ? a => Bits.Of(test(Bits.Single(a))) : a => Bits.Of(test(Bits.Double(a)));
    }

    private static Delegate? Rounded(Opcode opcode, PtxType type)
    {
        var mode = opcode.TakeAny("rn", "rz", "rm", "rp") switch
        {
            "rz" => Rounding.TowardZero,
            "rm" => Rounding.Down,
            "rp" => Rounding.Up,
            _ => Rounding.NearestEven,
        };
        var isFlushed = opcode.Take("ftz");
        var isSaturated = opcode.Take("sat");
        var isRectified = opcode.Take("relu");
        _ = opcode.TakeAny("approx", "full");
        _ = opcode.Take("noftz");
        var function = Of(opcode, type, mode);
        if (function is null)
        {
            return null;
        }
        if (isSaturated)
        {
            function = Then(function, Bits.Saturate);
        }
        if (isRectified)
        {
            function = Then(function, value => value < 0 ? 0 : value);
        }
        return type.Name switch
        {
            "f32" => SingleFunction.Of(function, isFlushed),
            "f64" => DoubleFunction(function),
            _ => NarrowFunction.Of(function, type),
        };
    }

    /// <summary>
    /// The operation on values, in double. Where the type is single precision and the mode to nearest, the operation is
    /// computed in single: rounding a double's result once more would round twice.
    /// </summary>
    private static Delegate? Of(Opcode opcode, PtxType type, Rounding mode)
    {
        var format = Types.FormatOf(type);
        var operations = new RoundedOperations(format, mode);
        var isSingle = type == Types.F32 && mode == Rounding.NearestEven;
        var isDouble = type == Types.F64 && mode == Rounding.NearestEven;
        // A double becomes single precision where the result is written.
        Func<double, double> round = isSingle || isDouble ? value => value : operations.Round;
        return opcode.Mnemonic switch
        {
            "add" when isSingle => (double a, double b) => (double)((float)a + (float)b),
            "add" when isDouble => (double a, double b) => a + b,
            "add" => operations.Add,
            "sub" when isSingle => (double a, double b) => (double)((float)a - (float)b),
            "sub" when isDouble => (double a, double b) => a - b,
            "sub" => (double a, double b) => operations.Add(a, -b),
            "mul" when isSingle => (double a, double b) => (double)((float)a * (float)b),
            "mul" when isDouble => (double a, double b) => a * b,
            "mul" => operations.Multiply,
            "div" when isSingle => (double a, double b) => (double)((float)a / (float)b),
            "div" when isDouble => (double a, double b) => a / b,
            "div" => operations.Divide,
            "fma" or "mad" when isSingle => (double a, double b, double c) =>
                (double)MathF.FusedMultiplyAdd((float)a, (float)b, (float)c),
            "fma" or "mad" when isDouble => Math.FusedMultiplyAdd,
            "fma" or "mad" => operations.MultiplyAdd,
            "sqrt" when isSingle => (double a) => (double)MathF.Sqrt((float)a),
            "sqrt" when isDouble => (double a) => Math.Sqrt(a),
            "sqrt" => operations.SquareRoot,
            "rcp" when isSingle => (double a) => (double)(1 / (float)a),
            "rcp" when isDouble => (double a) => 1 / a,
            "rcp" => (double a) => operations.Divide(1, a),
            "min" when opcode.Take("NaN") => (double a, double b) => Math.Min(a, b),
            "min" => (double a, double b) => double.MinNumber(a, b),
            "max" when opcode.Take("NaN") => (double a, double b) => Math.Max(a, b),
            "max" => (double a, double b) => double.MaxNumber(a, b),
            "rsqrt" => (double a) => round(1 / Math.Sqrt(a)),
            "ex2" => (double a) => round(Math.Pow(2, a)),
            "lg2" => (double a) => round(Math.Log2(a)),
            "sin" => (double a) => round(Math.Sin(a)),
            "cos" => (double a) => round(Math.Cos(a)),
            "tanh" => (double a) => round(Math.Tanh(a)),
            _ => null,
        };
    }

    private static Delegate Then(Delegate function, Func<double, double> last) =>
        function switch
        {
            Func<double, double> f => (double a) => last(f(a)),
            Func<double, double, double> f => (double a, double b) => last(f(a, b)),
            Func<double, double, double, double> f => (double a, double b, double c) => last(f(a, b, c)),
            _ => throw new InvalidOperationException($"{function.GetType()} is no function of doubles"),
        };

    private static Delegate DoubleFunction(Delegate function) =>
        function switch
        {
            Func<double, double> f => new Unary(a => Bits.Of(f(Bits.Double(a)))),
            Func<double, double, double> f => new Binary((a, b) => Bits.Of(f(Bits.Double(a), Bits.Double(b)))),
            Func<double, double, double, double> f => new Ternary(
                (a, b, c) => Bits.Of(f(Bits.Double(a), Bits.Double(b), Bits.Double(c)))
            ),
            _ => throw new InvalidOperationException($"{function.GetType()} is no function of doubles"),
        };
}
