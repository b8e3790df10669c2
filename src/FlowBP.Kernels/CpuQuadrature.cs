// Replay and residual on the CPU. Both are bound by memory: K velocities are read once each, one latent is written or
// none. Step after step over the whole latent, as a tensor library does it, reads and writes the running sum K times
// through memory; here a tile of the sum stays in the first-level cache (8192 float, 32 KiB) while the steps stream
// past, five at a time, since each pass over the tile costs a load and a store of the sum but too many parallel
// streams defeat the prefetcher. What defeats it too is that every stream breaks off at the end of the tile, and at every
// page; so each pass asks for its lines a kilobyte early, and near the end of the tile for those of the pass to come.
//
// Bytes moved per element: (K + 2)·size, for a replay as for a residual without output; operations: 2K.

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace FlowBP.Kernels;

/// <summary>One call of replay or residual; <see cref="Run"/> computes a range of its tiles.</summary>
internal sealed unsafe class CpuQuadrature<TStorage, T>
    where TStorage : struct, ILatentStorage<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int StepsPerPass = 5;

    // How far ahead of its use a line is asked for, in each of the five streams: 5 KiB in flight outlast the latency of
    // memory. In elements, a whole number of vectors.
    private static readonly int s_elementsAhead = 1024 / TStorage.Size;

    private readonly LatentBuffer _x;
    private readonly LatentBuffer _v;
    private readonly int[] _start;
    private readonly int[] _index;
    private readonly T[] _weight;
    private readonly int _points;
    private readonly long _tilesPerSample;
    private readonly long _blocksPerSample;

    // Steps to compare with, one per sample, and the sum of distances of each block of ReductionOrder; empty if nothing is compared.
    private int[] _target = [];
    private double[] _partials = [];

    internal CpuQuadrature(
        LatentBuffer x,
        ReadOnlySpan<int> start,
        LatentBuffer v,
        ReadOnlySpan<int> index,
        ReadOnlySpan<double> weight
    )
    {
        _x = x;
        _v = v;
        _start = start.ToArray();
        _index = index.ToArray();
        _weight = new T[weight.Length];
        for (var i = 0; i < weight.Length; i++)
        {
            _weight[i] = T.CreateTruncating(weight[i]);
        }
        _points = index.Length / (int)x.Batch;
        _tilesPerSample = Tile.CountOf(x.Elements);
        _blocksPerSample = ReductionOrder.BlocksOf(x.Elements);
    }

    /// <summary>Receives x̂ unless null.</summary>
    internal LatentBuffer? Destination { get; set; }

    internal long Tiles => _x.Batch * _tilesPerSample;

    internal long BytesPerTile => (_points + 2) * Math.Min(_x.Elements, Tile.Elements) * TStorage.Size;

    /// <summary>Has the distance to these steps summed, one step per sample; none: no distances.</summary>
    internal void CompareWith(ReadOnlySpan<int> target)
    {
        _target = target.ToArray();
        _partials = new double[target.Length * _blocksPerSample];
    }

    /// <summary>Computes the tiles [begin, end).</summary>
    [SkipLocalsInit]
    internal void Run(long begin, long end)
    {
        var sums = stackalloc T[Tile.Elements];
        for (var tile = begin; tile < end; tile++)
        {
            var b = (int)(tile / _tilesPerSample);
            var e = tile % _tilesPerSample * Tile.Elements;
            var count = (int)Math.Min(Tile.Elements, _x.Elements - e);
            Accumulate(b, e, sums, count);
            if (Destination is { } out_BE)
            {
                Store(sums, out_BE.AddressOf(0, b, e), count);
            }
            if (_target.Length > 0)
            {
                var first = (b * _blocksPerSample) + (e / ReductionOrder.BlockElements);
                Distances(sums, _x.AddressOf(_target[b], b, e), count, _partials.AsSpan((int)first));
            }
        }
    }

    /// <summary>Mean distances, one per sample, when all tiles have been computed.</summary>
    internal void ReadDistances(Span<double> residual)
    {
        for (var b = 0; b < residual.Length; b++)
        {
            var partials = _partials.AsSpan((int)(b * _blocksPerSample), (int)_blocksPerSample);
            residual[b] = ReductionOrder.Sum(partials) / _x.Elements;
        }
    }

    /// <summary>x̂ of elements [e, e + count) of sample b.</summary>
    private void Accumulate(int b, long e, T* sums, int count)
    {
        var x = _x.AddressOf(_start[b], b, e);
        if (_points == 0)
        {
            Load(x, sums, count);
            return;
        }
        var v = stackalloc byte*[StepsPerPass];
        var next = stackalloc byte*[StepsPerPass];
        var w = stackalloc T[StepsPerPass];
        Streams(b, e, 0, next);
        for (var first = 0; first < _points; first += StepsPerPass)
        {
            var steps = Math.Min(StepsPerPass, _points - first);
            for (var i = 0; i < StepsPerPass; i++)
            {
                v[i] = next[i];
                w[i] = i < steps ? _weight[(b * _points) + first + i] : T.Zero;
            }
            var isLast = first + steps == _points;
            Streams(b, isLast ? e + Tile.Elements : e, isLast ? 0 : first + steps, next);
            if (first == 0)
            {
                Pass<TStorage>(x, v, next, w, steps, sums, count);
            }
            else
            {
                Pass<NativeStorage<T>>((byte*)sums, v, next, w, steps, sums, count);
            }
        }
    }

    /// <summary>
    /// Where the steps of the pass beginning at <paramref name="first"/> are at element e of sample b. After the last step
    /// the last one is repeated: it is asked for early, nothing else. Past the end of a sample an address may be another
    /// sample's, or nobody's.
    /// </summary>
    private void Streams(int b, long e, int first, byte** v)
    {
        for (var i = 0; i < StepsPerPass; i++)
        {
            var point = Math.Min(first + i, _points - 1);
            v[i] = _v.AddressOf(_index[(b * _points) + point], b, e);
        }
    }

    /// <summary>sums = source + Σ w_i v_i over at most five steps, while the next pass's first lines are asked for.</summary>
    private static void Pass<TSource>(byte* source, byte** v, byte** next, T* w, int steps, T* sums, int count)
        where TSource : struct, ILatentStorage<T>
    {
        var ahead = stackalloc byte*[StepsPerPass];
        var turn = Math.Max(0, count - s_elementsAhead);
        for (var i = 0; i < StepsPerPass; i++)
        {
            ahead[i] = v[i] + ((nint)s_elementsAhead * TStorage.Size);
        }
        Pass<TSource>(source, v, ahead, w, steps, sums, 0, turn);
        for (var i = 0; i < StepsPerPass; i++)
        {
            ahead[i] = next[i] - ((nint)turn * TStorage.Size);
        }
        Pass<TSource>(source, v, ahead, w, steps, sums, turn, count);
    }

    /// <summary>Elements [begin, end) of a pass; <paramref name="ahead"/> are the addresses asked for, less the offset of the element.</summary>
    private static void Pass<TSource>(
        byte* source,
        byte** v,
        byte** ahead,
        T* w,
        int steps,
        T* sums,
        int begin,
        int end
    )
        where TSource : struct, ILatentStorage<T>
    {
        var v0 = v[0];
        var v1 = v[1];
        var v2 = v[2];
        var v3 = v[3];
        var v4 = v[4];
        var w0 = Vector256.Create(w[0]);
        var w1 = Vector256.Create(w[1]);
        var w2 = Vector256.Create(w[2]);
        var w3 = Vector256.Create(w[3]);
        var w4 = Vector256.Create(w[4]);
        var width = 2 * Vector256<T>.Count;
        var e = begin;
        for (; e <= end - width; e += width)
        {
            TSource.Read(source + ((nint)e * TSource.Size), out var first, out var second);
            var offset = (nint)e * TStorage.Size;
            if (Sse.IsSupported)
            {
                Sse.Prefetch0(ahead[0] + offset);
                Sse.Prefetch0(ahead[1] + offset);
                Sse.Prefetch0(ahead[2] + offset);
                Sse.Prefetch0(ahead[3] + offset);
                Sse.Prefetch0(ahead[4] + offset);
            }
            Add(v0 + offset, w0, ref first, ref second);
            if (steps > 1)
            {
                Add(v1 + offset, w1, ref first, ref second);
            }
            if (steps > 2)
            {
                Add(v2 + offset, w2, ref first, ref second);
            }
            if (steps > 3)
            {
                Add(v3 + offset, w3, ref first, ref second);
            }
            if (steps > 4)
            {
                Add(v4 + offset, w4, ref first, ref second);
            }
            first.Store(sums + e);
            second.Store(sums + e + Vector256<T>.Count);
        }
        for (; e < end; e++)
        {
            var sum = TSource.Read(source + ((nint)e * TSource.Size));
            for (var i = 0; i < steps; i++)
            {
                sum = T.FusedMultiplyAdd(w[i], TStorage.Read(v[i] + ((nint)e * TStorage.Size)), sum);
            }
            sums[e] = sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(byte* v, Vector256<T> w, ref Vector256<T> first, ref Vector256<T> second)
    {
        TStorage.Read(v, out var vFirst, out var vSecond);
        first = Fused.MultiplyAdd(w, vFirst, first);
        second = Fused.MultiplyAdd(w, vSecond, second);
    }

    private static void Load(byte* source, T* sums, int count)
    {
        for (var e = 0; e < count; e++)
        {
            sums[e] = TStorage.Read(source + ((nint)e * TStorage.Size));
        }
    }

    private static void Store(T* sums, byte* destination, int count)
    {
        var width = 2 * Vector256<T>.Count;
        var e = 0;
        for (; e <= count - width; e += width)
        {
            TStorage.Write(
                destination + ((nint)e * TStorage.Size),
                Vector256.Load(sums + e),
                Vector256.Load(sums + e + Vector256<T>.Count)
            );
        }
        for (; e < count; e++)
        {
            TStorage.Write(destination + ((nint)e * TStorage.Size), sums[e]);
        }
    }

    /// <summary>Σ |target − x̂| over each block of a tile, in the order of <see cref="ReductionOrder"/>.</summary>
    private static void Distances(T* sums, byte* target, int count, Span<double> partials)
    {
        var block = new BlockSums();
        var width = 2 * Vector256<T>.Count;
        for (var begin = 0; begin < count; begin += ReductionOrder.BlockElements)
        {
            var end = Math.Min(begin + ReductionOrder.BlockElements, count);
            if (end < begin + ReductionOrder.BlockElements)
            {
                block.Clear();
            }
            var e = begin;
            for (; e <= end - width; e += width)
            {
                TStorage.Read(target + ((nint)e * TStorage.Size), out var first, out var second);
                block.Set(
                    e - begin,
                    Vector256.Abs(first - Vector256.Load(sums + e)),
                    Vector256.Abs(second - Vector256.Load(sums + e + Vector256<T>.Count))
                );
            }
            if (e < end)
            {
                block.SetRest(e - begin, Rest(sums + e, target + ((nint)e * TStorage.Size), end - e));
            }
            partials[begin / ReductionOrder.BlockElements] = block.Total();
        }
    }

    private static double[] Rest(T* sums, byte* target, int count)
    {
        var distances = new double[count];
        for (var e = 0; e < count; e++)
        {
            var distance = T.Abs(TStorage.Read(target + ((nint)e * TStorage.Size)) - sums[e]);
            distances[e] = double.CreateTruncating(distance);
        }
        return distances;
    }
}
