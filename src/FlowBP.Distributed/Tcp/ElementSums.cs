// Reductions of chunks that arrive one rank after another. Numbers are reduced in double, and rounded to their type once, at the end: the
// result does not depend on how many ranks there are beyond its last bit, and not at all on who came first.

using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace FlowBP.Distributed;

/// <summary>Reduces elements of all types.</summary>
internal static class ElementSums
{
    /// <summary>Takes the elements of the first rank.</summary>
    /// <param name="elements">Their bytes.</param>
    /// <param name="type">Their type.</param>
    /// <param name="sums">As many numbers as there are elements.</param>
    public static void Begin(ReadOnlySpan<byte> elements, ElementType type, Span<double> sums)
    {
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] = Value(elements, type, i);
        }
    }

    /// <summary>Adds the elements of a further rank.</summary>
    /// <param name="elements">Their bytes.</param>
    /// <param name="type">Their type.</param>
    /// <param name="reduction">How values become one.</param>
    /// <param name="sums">What the ranks before gave.</param>
    public static void Add(ReadOnlySpan<byte> elements, ElementType type, Reduction reduction, Span<double> sums)
    {
        for (var i = 0; i < sums.Length; i++)
        {
            var value = Value(elements, type, i);
            sums[i] = reduction switch
            {
                Reduction.Sum => sums[i] + value,
                Reduction.Min => Math.Min(sums[i], value),
                Reduction.Max => Math.Max(sums[i], value),
                _ => throw new ArgumentOutOfRangeException(nameof(reduction), reduction, "no such reduction"),
            };
        }
    }

    /// <summary>Writes the result, rounded to the nearest value of the type.</summary>
    /// <param name="sums">The result.</param>
    /// <param name="type">The type.</param>
    /// <param name="elements">Where the elements go.</param>
    public static void End(ReadOnlySpan<double> sums, ElementType type, Span<byte> elements)
    {
        for (var i = 0; i < sums.Length; i++)
        {
            switch (type)
            {
                case ElementType.UInt8:
                    elements[i] = unchecked((byte)(long)sums[i]);
                    break;
                case ElementType.Float16:
                    BinaryPrimitives.WriteHalfLittleEndian(elements[(2 * i)..], (Half)sums[i]);
                    break;
                case ElementType.BFloat16:
                    BinaryPrimitives.WriteUInt16LittleEndian(elements[(2 * i)..], Narrow((float)sums[i]));
                    break;
                case ElementType.Float32:
                    BinaryPrimitives.WriteSingleLittleEndian(elements[(4 * i)..], (float)sums[i]);
                    break;
                case ElementType.Float64:
                    BinaryPrimitives.WriteDoubleLittleEndian(elements[(8 * i)..], sums[i]);
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(type), type, "reduced as integers");
            }
        }
    }

    /// <summary>Reduces 64-bit integers, which a double does not hold; a sum that is too large wraps, as everywhere.</summary>
    /// <param name="elements">Elements of a further rank.</param>
    /// <param name="reduction">How values become one.</param>
    /// <param name="result">What the ranks before gave.</param>
    public static void AddIntegers(ReadOnlySpan<byte> elements, Reduction reduction, Span<byte> result)
    {
        var values = MemoryMarshal.Cast<byte, long>(elements);
        var sums = MemoryMarshal.Cast<byte, long>(result);
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] = reduction switch
            {
                Reduction.Sum => unchecked(sums[i] + values[i]),
                Reduction.Min => Math.Min(sums[i], values[i]),
                Reduction.Max => Math.Max(sums[i], values[i]),
                _ => throw new ArgumentOutOfRangeException(nameof(reduction), reduction, "no such reduction"),
            };
        }
    }

    private static double Value(ReadOnlySpan<byte> elements, ElementType type, int i) =>
        type switch
        {
            ElementType.UInt8 => elements[i],
            ElementType.Float16 => (double)BinaryPrimitives.ReadHalfLittleEndian(elements[(2 * i)..]),
            ElementType.BFloat16 => BitConverter.Int32BitsToSingle(
                BinaryPrimitives.ReadUInt16LittleEndian(elements[(2 * i)..]) << 16
            ),
            ElementType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(elements[(4 * i)..]),
            ElementType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(elements[(8 * i)..]),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "reduced as integers"),
        };

    // To the nearest, ties to even; a NaN stays one.
    private static ushort Narrow(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)(bits >> 16 | 0x40) : (ushort)(bits + 0x7FFF + (bits >> 16 & 1) >> 16);
    }
}
