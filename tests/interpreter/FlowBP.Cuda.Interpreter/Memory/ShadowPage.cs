// The shadow of 64 KiB. Kernels touch memory in units of 16 bytes down to 1, mostly always the same unit in one place, so the
// shadow is kept per granule: 16 bytes at first, less when an access needs it finer. That is exact (all bytes of a granule
// have the same past) and costs little.

using System.Numerics;

namespace FlowBP.Cuda.Interpreter.Memory;

internal sealed class ShadowPage
{
    internal const int Shift = 16;
    internal const ulong Bytes = 1UL << Shift;

    private const int CoarsestShift = 4;

    private readonly ulong _origin;
    private readonly ulong _begin;
    private readonly ulong _end;
    private int _shift = CoarsestShift;
    private MemoryState[] _states;
    private AccessCell[]? _cells;

    /// <param name="begin">Where the region begins in the page; places are counted from the beginning of the page.</param>
    /// <param name="end">Where it ends.</param>
    /// <param name="state">Of all bytes.</param>
    internal ShadowPage(ulong begin, ulong end, MemoryState state)
    {
        (_begin, _end) = (begin, end);
        _origin = begin & ~((1UL << CoarsestShift) - 1);
        _states = new MemoryState[((end - _origin - 1) >> CoarsestShift) + 1];
        _states.AsSpan().Fill(state);
    }

    /// <summary>Sets the state of a range.</summary>
    internal void Mark(ulong begin, ulong end, MemoryState state)
    {
        // A granule that sticks out of the region at either end has no bytes there.
        var edges = (begin == _begin ? 0 : begin) | (end == _end ? 0 : end) | (1UL << CoarsestShift);
        RefineTo(1 << BitOperations.TrailingZeroCount(edges));
        _states.AsSpan(Index(begin)..(Index(end - 1) + 1)).Fill(state);
    }

    /// <summary>Whether all of a range was written.</summary>
    internal bool IsInitialized(ulong begin, ulong end) =>
        !_states.AsSpan(Index(begin)..(Index(end - 1) + 1)).ContainsAnyExcept(MemoryState.Initialized);

    internal Span<MemoryState> StatesOfAccess(ulong place, int bytes)
    {
        RefineTo(bytes);
        return _states.AsSpan(Index(place), Math.Max(bytes >> _shift, 1));
    }

    internal Span<AccessCell> CellsOfAccess(ulong place, int bytes)
    {
        RefineTo(bytes);
        _cells ??= new AccessCell[_states.Length];
        return _cells.AsSpan(Index(place), Math.Max(bytes >> _shift, 1));
    }

    internal void ForgetAccesses() => _cells.AsSpan().Clear();

    private int Index(ulong place) => (int)((place - _origin) >> _shift);

    private void RefineTo(int bytes)
    {
        if (bytes >= 1 << _shift)
        {
            return;
        }
        var shift = BitOperations.TrailingZeroCount(bytes);
        var ratio = _shift - shift;
        _shift = shift;
        _states = Repeated(_states, ratio);
        _cells = _cells is null ? null : Repeated(_cells, ratio);
    }

    private static T[] Repeated<T>(T[] coarse, int ratio)
    {
        var fine = new T[coarse.Length << ratio];
        for (var i = 0; i < fine.Length; i++)
        {
            fine[i] = coarse[i >> ratio];
        }
        return fine;
    }
}
