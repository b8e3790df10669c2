// What is known of every byte of a region: whether it may be touched, whether it was written, and which thread of the
// current launch wrote or read it last. It is kept in pages of 64 KiB, made when something in them differs, so that a region
// may be much larger than what is touched of it.

using System.Runtime.CompilerServices;

namespace FlowBP.Cuda.Interpreter.Memory;

internal enum MemoryState : byte
{
    /// <summary>Between variables: no access is right.</summary>
    Inaccessible,

    /// <summary>Not written yet.</summary>
    Uninitialized,

    Initialized,
}

/// <summary>
/// The last accesses to a granule, as stamps of <c>HappensBefore</c> with flags, and the lines of the instructions.
/// </summary>
internal struct AccessCell
{
    /// <summary>Stamp of the last write.</summary>
    internal uint Writer;

    /// <summary>Stamp of the last read since.</summary>
    internal uint Reader;

    internal int WriterLine;
    internal int ReaderLine;
}

internal sealed class ShadowMemory
{
    private readonly ulong _first;
    private readonly ulong _end;
    private readonly ulong _origin;
    private readonly ShadowPage?[] _pages;

    // Of the pages that don't exist.
    private readonly MemoryState[] _states;

    internal ShadowMemory(ulong address, long bytes, MemoryState state)
    {
        (_first, _end) = (address, address + (ulong)bytes);
        _origin = address & ~(ShadowPage.Bytes - 1);
        var count = (_end - _origin + ShadowPage.Bytes - 1) >> ShadowPage.Shift;
        _pages = new ShadowPage?[count];
        _states = new MemoryState[count];
        _states.AsSpan().Fill(state);
    }

    /// <summary>Sets the state of any range within the region.</summary>
    internal void Mark(ulong address, long bytes, MemoryState state)
    {
        foreach (var (page, begin, end) in Parts(address, bytes))
        {
            if (end - begin == ShadowPage.Bytes && _pages[page] is null)
            {
                _states[page] = state;
            }
            else
            {
                Page(page).Mark(begin, end, state);
            }
        }
    }

    /// <summary>Whether all of a range within the region was written.</summary>
    internal bool IsInitialized(ulong address, long bytes)
    {
        foreach (var (page, begin, end) in Parts(address, bytes))
        {
            if (
                _pages[page] is { } existing
                    ? !existing.IsInitialized(begin, end)
                    : _states[page] != MemoryState.Initialized
            )
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>The state of one byte.</summary>
    internal MemoryState StateOf(ulong address) => StatesOfAccess(address, 1)[0];

    /// <summary>The states of an aligned access; they may be written.</summary>
    /// <param name="address">A multiple of <paramref name="bytes"/>.</param>
    /// <param name="bytes">A power of two.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Span<MemoryState> StatesOfAccess(ulong address, int bytes) =>
        Page((int)((address - _origin) >> ShadowPage.Shift)).StatesOfAccess(address & (ShadowPage.Bytes - 1), bytes);

    /// <summary>The last accesses to what an aligned access touches.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Span<AccessCell> CellsOfAccess(ulong address, int bytes) =>
        Page((int)((address - _origin) >> ShadowPage.Shift)).CellsOfAccess(address & (ShadowPage.Bytes - 1), bytes);

    /// <summary>Forgets all accesses: stamps may start over, or the memory becomes another block's.</summary>
    internal void ForgetAccesses()
    {
        foreach (var page in _pages)
        {
            page?.ForgetAccesses();
        }
    }

    private ShadowPage Page(int index) => _pages[index] ?? NewPage(index);

    private ShadowPage NewPage(int index)
    {
        var page = _origin + ((ulong)index << ShadowPage.Shift);
        var begin = Math.Max(_first, page) - page;
        var end = Math.Min(_end, page + ShadowPage.Bytes) - page;
        return _pages[index] = new ShadowPage(begin, end, _states[index]);
    }

    /// <summary>The pages that a range touches, with the beginning and end of the part within each.</summary>
    private IEnumerable<(int Page, ulong Begin, ulong End)> Parts(ulong address, long bytes)
    {
        var end = address + (ulong)bytes;
        while (address < end)
        {
            var page = (int)((address - _origin) >> ShadowPage.Shift);
            var begin = address & (ShadowPage.Bytes - 1);
            var length = Math.Min(end - address, ShadowPage.Bytes - begin);
            yield return (page, begin, begin + length);
            address += length;
        }
    }
}
