// One pass from mapped pages into a parameter: load, look, store. NaN and infinity are the values whose exponent bits are all
// ones, one mask and one comparison per vector. Stores go past the caches, since nobody reads the values soon and a store
// through them would fetch each line from memory first: 4 bytes of traffic per byte copied become 2. The widening of bfloat16
// is part of the pass too, because checkpoints are in bfloat16 and masters are not.

using System.Numerics;
using System.Runtime.Intrinsics;

namespace FlowBP.Formats;

internal static unsafe class CheckedCopy
{
    private const int VectorBytes = 32;
    private const int UnrolledVectors = 4;

    /// <summary>Whether <see cref="Copy"/> knows how to come from one type to the other.</summary>
    public static bool Knows(ScalarType from, ScalarType to) =>
        from == to || (from == ScalarType.BFloat16 && to == ScalarType.Float32);

    /// <summary>Copies whole elements, little-endian, and looks at them.</summary>
    /// <param name="source">The first element.</param>
    /// <param name="from">Type of the source.</param>
    /// <param name="destination">Where it goes.</param>
    /// <param name="to">Type of the destination; see <see cref="Knows"/>.</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="check">Which values are refused.</param>
    /// <returns>The index of the first refused value, or −1.</returns>
    public static long Copy(
        byte* source,
        ScalarType from,
        byte* destination,
        ScalarType to,
        int count,
        ValueCheck check
    )
    {
        var any =
            from != to
                ? Widen((ushort*)source, (uint*)destination, count)
                : from switch
                {
                    ScalarType.Float64 => Copy((ulong*)source, (ulong*)destination, count, Exponent64),
                    ScalarType.Float32 => Copy((uint*)source, (uint*)destination, count, Exponent32),
                    ScalarType.Float16 => Copy((ushort*)source, (ushort*)destination, count, Exponent16),
                    ScalarType.BFloat16 => Copy((ushort*)source, (ushort*)destination, count, ExponentBrain),
                    _ => CopyUnseen(source, destination, (long)count * ElementTypes.Size(from)),
                };
        return any && check != ValueCheck.None ? FirstRefused(source, from, count, check) : -1;
    }

    private const ulong Exponent64 = 0x7FF0_0000_0000_0000;
    private const uint Exponent32 = 0x7F80_0000;
    private const ushort Exponent16 = 0x7C00;
    private const ushort ExponentBrain = 0x7F80;

    private static bool CopyUnseen(byte* source, byte* destination, long bytes)
    {
        Buffer.MemoryCopy(source, destination, bytes, bytes);
        return false;
    }

    // Whether any element has all exponent bits set.
    private static bool Copy<T>(T* source, T* destination, int count, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        var i = 0;
        var any = false;
        if (Vector256.IsHardwareAccelerated && (nuint)destination % VectorBytes == 0)
        {
            var width = Vector256<T>.Count;
            var mask = Vector256.Create(exponent);
            var found = Vector256<T>.Zero;
            for (; i <= count - UnrolledVectors * width; i += UnrolledVectors * width)
            {
                var a = Vector256.Load(source + i);
                var b = Vector256.Load(source + i + width);
                var c = Vector256.Load(source + i + 2 * width);
                var d = Vector256.Load(source + i + 3 * width);
                found |= Vector256.Equals(a & mask, mask) | Vector256.Equals(b & mask, mask);
                found |= Vector256.Equals(c & mask, mask) | Vector256.Equals(d & mask, mask);
                a.StoreAlignedNonTemporal(destination + i);
                b.StoreAlignedNonTemporal(destination + i + width);
                c.StoreAlignedNonTemporal(destination + i + 2 * width);
                d.StoreAlignedNonTemporal(destination + i + 3 * width);
            }
            any = found != Vector256<T>.Zero;
        }
        for (; i < count; i++)
        {
            destination[i] = source[i];
            any |= (source[i] & exponent) == exponent;
        }
        return any;
    }

    // A bfloat16 is the upper half of a single.
    private static bool Widen(ushort* source, uint* destination, int count)
    {
        var i = 0;
        var any = false;
        if (Vector256.IsHardwareAccelerated && (nuint)destination % VectorBytes == 0)
        {
            var width = Vector256<ushort>.Count;
            var mask = Vector256.Create(ExponentBrain);
            var found = Vector256<ushort>.Zero;
            for (; i <= count - width; i += width)
            {
                var value = Vector256.Load(source + i);
                found |= Vector256.Equals(value & mask, mask);
                (var lower, var upper) = Vector256.Widen(value);
                (lower << 16).StoreAlignedNonTemporal(destination + i);
                (upper << 16).StoreAlignedNonTemporal(destination + i + width / 2);
            }
            any = found != Vector256<ushort>.Zero;
        }
        for (; i < count; i++)
        {
            destination[i] = (uint)source[i] << 16;
            any |= (source[i] & ExponentBrain) == ExponentBrain;
        }
        return any;
    }

    private static long FirstRefused(byte* source, ScalarType type, int count, ValueCheck check) =>
        type switch
        {
            ScalarType.Float64 => First((ulong*)source, count, Exponent64, check),
            ScalarType.Float32 => First((uint*)source, count, Exponent32, check),
            ScalarType.Float16 => First((ushort*)source, count, Exponent16, check),
            _ => First((ushort*)source, count, ExponentBrain, check),
        };

    private static long First<T>(T* values, int count, T exponent, ValueCheck check)
        where T : unmanaged, IBinaryInteger<T>
    {
        // An infinity's bits below the exponent are zero.
        var fraction = (exponent & -exponent) - T.One;
        for (var i = 0; i < count; i++)
        {
            var full = (values[i] & exponent) == exponent;
            if (full && (check == ValueCheck.Finite || (values[i] & fraction) != T.Zero))
            {
                return i;
            }
        }
        return -1;
    }
}
