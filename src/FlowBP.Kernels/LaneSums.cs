// The vector form of the summation order that ReductionOrder states: eight running sums in two registers.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace FlowBP.Kernels;

/// <summary>The lanes of one block. Vectors are added in element order, the tail after them.</summary>
internal unsafe struct LaneSums
{
    private Vector256<double> _lanes0To3;
    private Vector256<double> _lanes4To7;

    /// <summary>Adds 2·<c>Vector256&lt;T&gt;.Count</c> values, the first one to lane 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add<T>(Vector256<T> first, Vector256<T> second)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            _lanes0To3 += Vector256.WidenLower(first.AsSingle());
            _lanes4To7 += Vector256.WidenUpper(first.AsSingle());
            _lanes0To3 += Vector256.WidenLower(second.AsSingle());
            _lanes4To7 += Vector256.WidenUpper(second.AsSingle());
        }
        else
        {
            _lanes0To3 += first.AsDouble();
            _lanes4To7 += second.AsDouble();
        }
    }

    /// <summary>As <see cref="Add{T}"/>, with the squares of the values, by fused multiply-adds in double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AddSquares<T>(Vector256<T> first, Vector256<T> second)
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
        {
            AddSquare(ref _lanes0To3, Vector256.WidenLower(first.AsSingle()));
            AddSquare(ref _lanes4To7, Vector256.WidenUpper(first.AsSingle()));
            AddSquare(ref _lanes0To3, Vector256.WidenLower(second.AsSingle()));
            AddSquare(ref _lanes4To7, Vector256.WidenUpper(second.AsSingle()));
        }
        else
        {
            AddSquare(ref _lanes0To3, first.AsDouble());
            AddSquare(ref _lanes4To7, second.AsDouble());
        }
    }

    /// <summary>The eight sums in lane order, for the tail to be added to.</summary>
    /// <param name="lanes">Room for <see cref="ReductionOrder.Lanes"/> values.</param>
    internal readonly void CopyTo(double* lanes)
    {
        _lanes0To3.Store(lanes);
        _lanes4To7.Store(lanes + Vector256<double>.Count);
    }

    /// <summary>The lanes added up in lane order.</summary>
    internal static double Total(double* lanes)
    {
        var total = lanes[0];
        for (var lane = 1; lane < ReductionOrder.Lanes; lane++)
        {
            total += lanes[lane];
        }
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSquare(ref Vector256<double> sums, Vector256<double> values) =>
        sums = Vector256.FusedMultiplyAdd(values, values, sums);
}
