// The two 8-bit floating-point types in which checkpoints are distributed, and what they are here: both have so few digits and so
// small a range that bfloat16 holds every value of theirs exactly, so they are widened to it, by a table of 256 entries, and no
// arithmetic ever sees them. E4M3 (the "fn" form of the field's hardware) has no infinity and one NaN per sign; E5M2 is the upper
// half of a float16. Micikevicius et al. 2022, "FP8 formats for deep learning".

namespace FlowBP.Formats;

internal static class EightBitFloats
{
    private const int E4M3Bias = 7;

    private static readonly ushort[] OfE4M3 = [.. Enumerable.Range(0, 256).Select(bits => Bits(E4M3((byte)bits)))];
    private static readonly ushort[] OfE5M2 = [.. Enumerable.Range(0, 256).Select(bits => Bits(E5M2((byte)bits)))];

    /// <summary>The bfloat16 of every bit pattern of a type; null: the type has more than 8 bits.</summary>
    public static ushort[]? Table(SafetensorsType type) =>
        type switch
        {
            SafetensorsType.F8_E4M3 => OfE4M3,
            SafetensorsType.F8_E5M2 => OfE5M2,
            _ => null,
        };

    // Sign, four bits of exponent, three of fraction.
    private static float E4M3(byte bits)
    {
        var exponent = (bits >> 3) & 0xF;
        var fraction = bits & 0x7;
        var magnitude =
            (exponent, fraction) == (0xF, 0x7) ? float.NaN
            : exponent == 0 ? MathF.ScaleB(fraction, 1 - E4M3Bias - 3)
            : MathF.ScaleB(8 + fraction, exponent - E4M3Bias - 3);
        return (bits & 0x80) != 0 ? -magnitude : magnitude;
    }

    private static float E5M2(byte bits) => (float)BitConverter.UInt16BitsToHalf((ushort)(bits << 8));

    // Exact: the lower half of these singles is zero.
    private static ushort Bits(float value) => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16);
}
