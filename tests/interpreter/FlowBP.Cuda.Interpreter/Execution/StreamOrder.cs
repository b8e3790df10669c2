// Work on one stream runs in order; work on two streams doesn't, unless the host waits for the first in between. The
// interpreter runs everything at once, so that a missing wait changes no result here: it is looked for instead.

using FlowBP.Cuda.Interpreter.Memory;

namespace FlowBP.Cuda.Interpreter.Execution;

internal sealed class StreamOrder
{
    private readonly Dictionary<MemoryRegion, Use> _writes = [];
    private readonly Dictionary<MemoryRegion, List<Use>> _reads = [];
    private readonly Dictionary<nint, long> _waited = [];
    private long _now;

    /// <summary>Work on a stream reads or writes memory.</summary>
    /// <exception cref="InterpreterException">Another stream's work on it may still run.</exception>
    internal void Touch(MemoryRegion region, nint stream, bool reads, bool writes, string what)
    {
        _now++;
        if (_writes.TryGetValue(region, out var write) && MayStillRun(write, stream))
        {
            throw Error(region, stream, what, write, "written");
        }
        var readers = _reads.GetValueOrDefault(region);
        if (writes && readers?.Find(read => MayStillRun(read, stream)) is { } reader)
        {
            throw Error(region, stream, what, reader, "read");
        }
        if (writes)
        {
            _writes[region] = new Use(stream, _now, what);
            _ = _reads.Remove(region);
        }
        else if (reads)
        {
            if (readers is null)
            {
                _reads.Add(region, readers = []);
            }
            _ = readers.RemoveAll(read => read.Stream == stream);
            readers.Add(new Use(stream, _now, what));
        }
    }

    /// <summary>The host waited for a stream.</summary>
    internal void Wait(nint stream) => _waited[stream] = _now;

    internal void Forget(MemoryRegion region)
    {
        _ = _writes.Remove(region);
        _ = _reads.Remove(region);
    }

    private bool MayStillRun(Use use, nint stream) =>
        use.Stream != stream && use.Time > _waited.GetValueOrDefault(use.Stream);

    private static InterpreterException Error(MemoryRegion region, nint stream, string what, Use use, string verb) =>
        new(
            Finding.StreamOrder,
            $"{what} on stream 0x{stream:x} uses {region.Name} ({region.Bytes} bytes), which is {verb} by {use.What} on "
                + $"stream 0x{use.Stream:x}, and nothing waits in between"
        );

    private sealed record Use(nint Stream, long Time, string What);
}
