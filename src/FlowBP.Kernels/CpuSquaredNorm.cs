// The gradient norm on the CPU: one read of every gradient. Sums run in double, so the norm of a billion elements is
// exact to far below what clipping can notice.

using System.Numerics;
using System.Runtime.Intrinsics;

namespace FlowBP.Kernels;

internal static unsafe class CpuSquaredNorm
{
    /// <summary>Σ g² over a span, in the order of <see cref="ReductionOrder"/>.</summary>
    internal static double OfSpan(GradientBuffer gradient, long spanOfRow)
    {
        var begin = spanOfRow * GradientSpans.Elements;
        var count = (int)Math.Min(GradientSpans.Elements, gradient.Count - begin);
        var row = (byte*)gradient.Pointer;
        return gradient.Type switch
        {
            LatentType.Float64 => Sum<NativeStorage<double>, double>(row + (begin * sizeof(double)), count),
            LatentType.Float32 => Sum<NativeStorage<float>, float>(row + (begin * sizeof(float)), count),
            _ => Sum<BFloat16Storage, float>(row + (begin * sizeof(ushort)), count),
        };
    }

    private static double Sum<TStorage, T>(byte* source, int count)
        where TStorage : struct, ILatentStorage<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        Span<double> blocks = stackalloc double[ReductionOrder.BlockElements];
        var used = 0;
        for (var begin = 0; begin < count; begin += ReductionOrder.BlockElements)
        {
            var end = Math.Min(begin + ReductionOrder.BlockElements, count);
            blocks[used++] = SumOfBlock<TStorage, T>(source + ((nint)begin * TStorage.Size), end - begin);
        }
        return ReductionOrder.Sum(blocks[..used]);
    }

    private static double SumOfBlock<TStorage, T>(byte* source, int count)
        where TStorage : struct, ILatentStorage<T>
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var block = new BlockSums();
        var width = 2 * Vector256<T>.Count;
        var e = 0;
        for (; e <= count - width; e += width)
        {
            TStorage.Read(source + ((nint)e * TStorage.Size), out var first, out var second);
            block.SetSquares(e, first, second);
        }
        if (e < count)
        {
            var rest = new double[count - e];
            for (var i = 0; i < rest.Length; i++)
            {
                var g = double.CreateTruncating(TStorage.Read(source + ((nint)(e + i) * TStorage.Size)));
                rest[i] = g * g;
            }
            block.SetRest(e, rest);
        }
        return block.Total();
    }
}
