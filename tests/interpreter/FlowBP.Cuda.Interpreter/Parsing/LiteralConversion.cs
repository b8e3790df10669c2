// A floating-point constant may be written in another precision than the instruction that uses it.

namespace FlowBP.Cuda.Interpreter.Parsing;

internal static class LiteralConversion
{
    /// <summary>The bits of a constant in a type; the compiler's constants are exact in it.</summary>
    internal static ulong ToFloat(LiteralOperand literal, PtxType type)
    {
        if (literal.Kind == LiteralKind.Integer)
        {
            // The bit pattern itself: constants of 16-bit floating-point types are written as 0x3F80.
            return literal.Bits & type.Mask;
        }
        var value =
            literal.Kind == LiteralKind.Double
                ? BitConverter.UInt64BitsToDouble(literal.Bits)
                : BitConverter.UInt32BitsToSingle((uint)literal.Bits);
        return type.Bits switch
        {
            64 when literal.Kind == LiteralKind.Double => literal.Bits,
            64 => BitConverter.DoubleToUInt64Bits(value),
            32 when literal.Kind == LiteralKind.Single => literal.Bits,
            _ => BitConverter.SingleToUInt32Bits((float)value),
        };
    }
}
