// The gradient norm on the CPU: one read of every gradient. Sums run in double, so the norm of a billion elements is
// exact to far below what clipping can notice.

using System.Numerics;
using System.Runtime.Intrinsics;

namespace FlowBP.Kernels;

internal static unsafe class CpuSquaredNorm
{
    /// <summary>Σ g² over a block, in the order of <see cref="ReductionOrder"/>.</summary>
    internal static double OfBlock(GradientBuffer gradient, long blockOfRow)
    {
        var begin = blockOfRow * ReductionOrder.BlockElements;
        var count = (int)Math.Min(ReductionOrder.BlockElements, gradient.Count - begin);
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
        var lanes = new LaneSums();
        var width = 2 * Vector256<T>.Count;
        var e = 0;
        for (; e <= count - width; e += width)
        {
            TStorage.Read(source + ((nint)e * TStorage.Size), out var first, out var second);
            lanes.AddSquares(first, second);
        }
        var lane = stackalloc double[ReductionOrder.Lanes];
        lanes.CopyTo(lane);
        for (; e < count; e++)
        {
            var g = double.CreateTruncating(TStorage.Read(source + ((nint)e * TStorage.Size)));
            ref var sum = ref lane[e % ReductionOrder.Lanes];
            sum = Math.FusedMultiplyAdd(g, g, sum);
        }
        return LaneSums.Total(lane);
    }
}
