// The cotangent of an active step on the CPU: a scaled copy, with the cast to the velocities' type in the same pass.
// Bytes moved per element: the sizes of both types; operations: 1.

using System.Numerics;
using System.Runtime.Intrinsics;

namespace FlowBP.Kernels;

/// <summary>One call; <see cref="Run"/> computes a range of its blocks.</summary>
internal sealed unsafe class CpuScaling<TSource, TDestination, T>(
    LatentBuffer g,
    ReadOnlySpan<double> scale,
    LatentBuffer u
)
    where TSource : struct, ILatentStorage<T>
    where TDestination : struct, ILatentStorage<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly double[] _scale = scale.ToArray();
    private readonly long _blocksPerSample = Tile.CountOf(g.Elements);

    internal long Blocks => g.Batch * _blocksPerSample;

    internal long BytesPerBlock => Math.Min(g.Elements, Tile.Elements) * (TSource.Size + TDestination.Size);

    /// <summary>Computes the blocks [begin, end).</summary>
    internal void Run(long begin, long end)
    {
        for (var block = begin; block < end; block++)
        {
            var b = block / _blocksPerSample;
            var e = block % _blocksPerSample * Tile.Elements;
            var count = (int)Math.Min(Tile.Elements, g.Elements - e);
            Scale(g.AddressOf(0, b, e), T.CreateTruncating(_scale[b]), u.AddressOf(0, b, e), count);
        }
    }

    private static void Scale(byte* source, T scale, byte* destination, int count)
    {
        var factor = Vector256.Create(scale);
        var width = 2 * Vector256<T>.Count;
        var e = 0;
        for (; e <= count - width; e += width)
        {
            TSource.Read(source + ((nint)e * TSource.Size), out var first, out var second);
            TDestination.Write(destination + ((nint)e * TDestination.Size), factor * first, factor * second);
        }
        for (; e < count; e++)
        {
            var product = scale * TSource.Read(source + ((nint)e * TSource.Size));
            TDestination.Write(destination + ((nint)e * TDestination.Size), product);
        }
    }
}
