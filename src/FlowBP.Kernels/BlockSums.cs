// The vector form of the order of summation that ReductionOrder states. An octet of doubles is two registers: one addition halves
// it, the halves of the sum halve it again.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FlowBP.Kernels;

/// <summary>The sums of a block's octets. Starts with <see cref="Clear"/>, unless all octets are set.</summary>
internal unsafe struct BlockSums
{
    private fixed double _octet[ReductionOrder.OctetsPerBlock];

    /// <summary>Sets all octets to zero, in front of a block that may lack some.</summary>
    internal void Clear() => MemoryMarshal.CreateSpan(ref _octet[0], ReductionOrder.OctetsPerBlock).Clear();

    /// <summary>Sets the octets of 2·<c>Vector256&lt;T&gt;.Count</c> values: two of floats, or one of doubles.</summary>
    /// <param name="element">Where in the block the values begin.</param>
    /// <param name="first">The values.</param>
    /// <param name="second">The values after them.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Set<T>(int element, Vector256<T> first, Vector256<T> second)
        where T : unmanaged
    {
        var octet = element / ReductionOrder.OctetElements;
        if (typeof(T) == typeof(float))
        {
            SetOctet(octet, Vector256.WidenLower(first.AsSingle()), Vector256.WidenUpper(first.AsSingle()));
            SetOctet(octet + 1, Vector256.WidenLower(second.AsSingle()), Vector256.WidenUpper(second.AsSingle()));
        }
        else
        {
            SetOctet(octet, first.AsDouble(), second.AsDouble());
        }
    }

    /// <summary>As <see cref="Set{T}"/>, with the squares of the values, formed in double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetSquares<T>(int element, Vector256<T> first, Vector256<T> second)
        where T : unmanaged
    {
        var octet = element / ReductionOrder.OctetElements;
        if (typeof(T) == typeof(float))
        {
            SetSquares(octet, Vector256.WidenLower(first.AsSingle()), Vector256.WidenUpper(first.AsSingle()));
            SetSquares(octet + 1, Vector256.WidenLower(second.AsSingle()), Vector256.WidenUpper(second.AsSingle()));
        }
        else
        {
            SetSquares(octet, first.AsDouble(), second.AsDouble());
        }
    }

    /// <summary>Sets the last octets of a row, fewer than two, of which the last may be incomplete.</summary>
    internal void SetRest(int element, ReadOnlySpan<double> values)
    {
        Span<double> octet = stackalloc double[ReductionOrder.OctetElements];
        while (!values.IsEmpty)
        {
            octet.Clear();
            var count = Math.Min(values.Length, octet.Length);
            values[..count].CopyTo(octet);
            SetOctet(
                element / ReductionOrder.OctetElements,
                Vector256.Create(octet[..4]),
                Vector256.Create(octet[4..])
            );
            values = values[count..];
            element += count;
        }
    }

    /// <summary>The sum of the block.</summary>
    internal double Total()
    {
        // 32 sums in eight vectors of four: halving down to one vector takes whole vectors.
        ref var octets = ref Unsafe.As<double, Vector256<double>>(ref _octet[0]);
        for (var half = ReductionOrder.OctetsPerBlock / Vector256<double>.Count / 2; half > 0; half /= 2)
        {
            for (var i = 0; i < half; i++)
            {
                Unsafe.Add(ref octets, i) += Unsafe.Add(ref octets, i + half);
            }
        }
        var pair = octets.GetLower() + octets.GetUpper();
        return pair.ToScalar() + pair.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetSquares(int octet, Vector256<double> lower, Vector256<double> upper) =>
        SetOctet(octet, lower * lower, upper * upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SetOctet(int octet, Vector256<double> lower, Vector256<double> upper)
    {
        var sums = lower + upper;
        var pair = sums.GetLower() + sums.GetUpper();
        _octet[octet] = pair.ToScalar() + pair.GetElement(1);
    }
}
