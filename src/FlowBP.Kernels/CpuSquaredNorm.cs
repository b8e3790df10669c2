// The gradient norm on the CPU: one read of every gradient. Sums run in double, so the norm of a billion elements is
// exact to far below what clipping can notice.

using System.Numerics;
using System.Runtime.Intrinsics;

namespace FlowBP.Kernels;

internal static unsafe class CpuSquaredNorm
{
    /// <summary>What one thread adds up at a time: a block of blocks of <see cref="ReductionOrder"/>.</summary>
    internal const long SpanElements = (long)ReductionOrder.BlockElements * ReductionOrder.BlockElements;

    /// <summary>Σ g² over a span, in the order of <see cref="ReductionOrder"/>.</summary>
    internal static double OfSpan(GradientBuffer gradient, long spanOfRow)
    {
        var begin = spanOfRow * SpanElements;
        var count = (int)Math.Min(SpanElements, gradient.Count - begin);
        var row = (byte*)gradient.Pointer;
        return gradient.Type switch
        {
            LatentType.Float64 => Sum<NativeStorage<double>, double>(row + (begin * sizeof(double)), count),
            LatentType.Float32 => Sum<NativeStorage<float>, float>(row + (begin * sizeof(float)), count),
            _ => Sum<BFloat16Storage, float>(row + (begin * sizeof(ushort)), count),
        };
    }

    /// <summary>Σ g² over all gradients, in their order.</summary>
    /// <param name="gradients">The gradients.</param>
    /// <param name="spans">Σ g² over their spans, one gradient's after another's. The content is lost.</param>
    internal static double Total(ReadOnlySpan<GradientBuffer> gradients, Span<double> spans)
    {
        var total = 0.0;
        foreach (var gradient in gradients)
        {
            var count = (int)ReductionOrder.QuotientRoundedUp(gradient.Count, SpanElements);
            total += ReductionOrder.Sum(spans[..count]);
            spans = spans[count..];
        }
        return total;
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
