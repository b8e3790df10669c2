// PTX's memory model, as far as kernels use it. An access comes before another one if the same thread does it earlier; if a
// barrier of the block, or a warp barrier, lies between; or if a chain of release and acquire does: the first thread passes
// a fence and then writes a location by an atomic or volatile access, the second reads that by another one and then passes
// a fence. Fences of block scope reach only threads of the block. Two accesses that nothing orders are concurrent, whatever
// order the interpreter happened to run them in.

using System.Runtime.InteropServices;

namespace FlowBP.Cuda.Interpreter.Ordering;

internal sealed class HappensBefore(uint firstStamp)
{
    private readonly List<Date> _dates = [];
    private readonly Dictionary<ulong, List<Release>> _releases = [];

    /// <summary>Stamps below are of earlier launches, and come before everything.</summary>
    internal uint FirstStamp { get; } = firstStamp;

    /// <summary>The first stamp of the next launch.</summary>
    internal uint NextStamp => FirstStamp + (uint)_dates.Count;

    /// <summary>The date of what the thread does now.</summary>
    internal uint StampOf(ThreadOrder thread)
    {
        if (thread.Stamp == 0)
        {
            thread.Stamp = NextStamp;
            _dates.Add(new Date(thread.Block.Index, thread.Thread, thread.Block.Epoch, thread.Clock));
        }
        return thread.Stamp;
    }

    /// <summary>Which thread of which block did something.</summary>
    internal (int Block, int Thread) WhoDid(uint stamp)
    {
        var date = DateOf(stamp);
        return (date.Block, date.Thread);
    }

    /// <summary>Whether what has the stamp comes before what the thread does now.</summary>
    internal bool Precedes(uint stamp, ThreadOrder thread)
    {
        if (stamp < FirstStamp)
        {
            return true;
        }
        ref readonly var date = ref DateOf(stamp);
        return (date.Block == thread.Block.Index && (date.Thread == thread.Thread || date.Epoch < thread.Block.Epoch))
            || IsCovered(thread.Acquired, date)
            || IsCovered(thread.Block.Acquired, date);
    }

    /// <summary>Whether everything that a block did in the epoch of the stamp comes before what the thread does now.</summary>
    internal bool WholeEpochPrecedes(uint stamp, ThreadOrder thread)
    {
        ref readonly var date = ref DateOf(stamp);
        return (date.Block == thread.Block.Index && date.Epoch < thread.Block.Epoch)
            || thread.Acquired?.Covers(date.Block, -1, date.Epoch, int.MaxValue) == true
            || thread.Block.Acquired?.Covers(date.Block, -1, date.Epoch, int.MaxValue) == true;
    }

    /// <summary>The thread passes a fence.</summary>
    internal void Fence(ThreadOrder thread, bool isDeviceWide)
    {
        foreach (var (releases, count) in thread.Seen)
        {
            Learn(thread, CollectionsMarshal.AsSpan(releases)[..count], isDeviceWide);
        }
        if (isDeviceWide)
        {
            thread.Seen.Clear();
        }
        thread.Ready = new Release(thread.Known(), thread.Block.Index, isDeviceWide);
        thread.Advance();
    }

    /// <summary>The thread reads a location by an atomic, volatile, relaxed or acquire access.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="address">The location.</param>
    /// <param name="acquires">The access itself acquires.</param>
    /// <param name="isDeviceWide">The scope of the access.</param>
    internal void StrongRead(ThreadOrder thread, ulong address, bool acquires, bool isDeviceWide)
    {
        if (!_releases.TryGetValue(address, out var releases))
        {
            return;
        }
        if (acquires)
        {
            Learn(thread, CollectionsMarshal.AsSpan(releases), isDeviceWide);
        }
        if (thread.Seen.Count == 0 || thread.Seen[^1] != (releases, releases.Count))
        {
            thread.Seen.Add((releases, releases.Count));
        }
    }

    /// <summary>The thread writes a location by an atomic, volatile, relaxed or release access.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="address">The location.</param>
    /// <param name="releases">The access itself releases.</param>
    /// <param name="isDeviceWide">The scope of the access.</param>
    /// <param name="isReadModifyWrite">It keeps what others published at the location; a mere store doesn't.</param>
    internal void StrongWrite(
        ThreadOrder thread,
        ulong address,
        bool releases,
        bool isDeviceWide,
        bool isReadModifyWrite
    )
    {
        if (!isReadModifyWrite)
        {
            _releases.Remove(address);
        }
        if (thread.Ready is { } ready)
        {
            Publish(address, ready);
        }
        if (releases)
        {
            Publish(address, new Release(thread.Known(), thread.Block.Index, isDeviceWide));
            thread.Advance();
        }
    }

    /// <summary>Locations of a block's shared memory mean others in the next block.</summary>
    internal void ForgetReleases(ulong begin, ulong end)
    {
        foreach (var address in _releases.Keys.Where(address => address >= begin && address < end).ToList())
        {
            _releases.Remove(address);
        }
    }

    /// <summary>All threads of a block pass a barrier.</summary>
    internal static void BlockBarrier(BlockOrder block, IEnumerable<ThreadOrder> threads)
    {
        foreach (var thread in threads)
        {
            if (thread.Acquired is { } acquired)
            {
                block.Acquired ??= new Knowledge();
                block.Acquired.Add(acquired);
                thread.Acquired = null;
            }
            thread.Stamp = 0;
        }
        block.Epoch++;
    }

    /// <summary>Some threads of a warp pass a warp barrier.</summary>
    internal static void WarpBarrier(IReadOnlyList<ThreadOrder> threads)
    {
        var known = new Knowledge();
        foreach (var thread in threads)
        {
            known.Add(thread.Known());
        }
        foreach (var thread in threads)
        {
            thread.Learn(known);
            thread.Advance();
        }
    }

    private static void Learn(ThreadOrder thread, ReadOnlySpan<Release> releases, bool isDeviceWide)
    {
        foreach (var release in releases)
        {
            if (release.Block == thread.Block.Index || (release.IsDeviceWide && isDeviceWide))
            {
                thread.Learn(release.Knowledge);
            }
        }
    }

    private void Publish(ulong address, Release release)
    {
        if (!_releases.TryGetValue(address, out var published))
        {
            _releases.Add(address, published = []);
        }
        published.Add(release);
    }

    private static bool IsCovered(Knowledge? knowledge, in Date date) =>
        knowledge is not null && knowledge.Covers(date.Block, date.Thread, date.Epoch, date.Clock);

    private ref readonly Date DateOf(uint stamp) => ref CollectionsMarshal.AsSpan(_dates)[(int)(stamp - FirstStamp)];

    private readonly record struct Date(int Block, int Thread, int Epoch, int Clock);
}
