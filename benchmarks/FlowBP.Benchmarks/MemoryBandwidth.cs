// The yardstick: how fast the same cores can read the same memory when they do nothing else with it.

using System.Runtime.Intrinsics;

namespace FlowBP.Benchmarks;

internal static unsafe class MemoryBandwidth
{
    private const long Piece = 1 << 20;

    /// <summary>Reads all bytes (up to a tail of under 128), on all cores.</summary>
    /// <returns>The exclusive or of what was read, so that no read can be left out.</returns>
    internal static ulong Read(byte* memory, long bytes)
    {
        var pieces = new ulong[(bytes + Piece - 1) / Piece];
        Parallel.For(
            0,
            pieces.Length,
            i => pieces[i] = Fold(memory + (i * Piece), Math.Min(Piece, bytes - (i * Piece)))
        );
        return pieces.Aggregate(0ul, (sum, piece) => sum ^ piece);
    }

    private static ulong Fold(byte* memory, long bytes)
    {
        var (a, b, c, d) = (Vector256<ulong>.Zero, Vector256<ulong>.Zero, Vector256<ulong>.Zero, Vector256<ulong>.Zero);
        for (var i = 0L; i <= bytes - 128; i += 128)
        {
            a ^= Vector256.Load((ulong*)(memory + i));
            b ^= Vector256.Load((ulong*)(memory + i + 32));
            c ^= Vector256.Load((ulong*)(memory + i + 64));
            d ^= Vector256.Load((ulong*)(memory + i + 96));
        }
        return Vector256.Sum(a ^ b ^ c ^ d);
    }
}
