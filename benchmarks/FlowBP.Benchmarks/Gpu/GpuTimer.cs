// Times on the device's own clock. Before each run a buffer larger than the second-level cache is written, so that nothing of
// the inputs is still in it; the variants take turns, each round starting with another one; medians over the rounds count.

using FlowBP.Cuda;

namespace FlowBP.Benchmarks.Gpu;

internal sealed class GpuTimer : IDisposable
{
    private const int WarmUpRounds = 3;
    private const int Rounds = 31;
    private const int CachesWritten = 4;

    private readonly CudaDriver _driver;
    private readonly nint _stream;
    private readonly nint _start;
    private readonly nint _end;
    private readonly long _bytes;
    private readonly nint _buffer;

    /// <param name="driver">The device.</param>
    /// <param name="stream">What everything is queued on.</param>
    internal GpuTimer(CudaDriver driver, nint stream)
    {
        _driver = driver;
        _stream = stream;
        _start = DriverTiming.CreateEvent(driver);
        _end = DriverTiming.CreateEvent(driver);
        _bytes = (long)CachesWritten * driver.Device(driver.Ordinal).L2Bytes;
        _buffer = driver.Allocate(_bytes);
    }

    /// <summary>Milliseconds of each variant, sorted.</summary>
    /// <param name="variants">Queue work on the stream.</param>
    /// <param name="seesLaunches">
    /// Whether the device is idle at the start, so that a launch's own time counts: what a host sees that has nothing else to
    /// queue. Else the work is queued while the buffer is still being written.
    /// </param>
    internal double[][] Measure(IReadOnlyList<Action> variants, bool seesLaunches)
    {
        var times = variants.Select(_ => new List<double>()).ToArray();
        for (var round = -WarmUpRounds; round < Rounds; round++)
        {
            for (var turn = 0; turn < variants.Count; turn++)
            {
                var i = (turn + round + WarmUpRounds) % variants.Count;
                _driver.Fill(_buffer, (byte)turn, _bytes, _stream);
                if (seesLaunches)
                {
                    _driver.Synchronize(_stream);
                }
                DriverTiming.RecordEvent(_start, _stream);
                variants[i]();
                DriverTiming.RecordEvent(_end, _stream);
                var elapsed = DriverTiming.ElapsedMilliseconds(_start, _end);
                if (round >= 0)
                {
                    times[i].Add(elapsed);
                }
            }
        }
        return [.. times.Select(list => list.Order().ToArray())];
    }

    public void Dispose()
    {
        _driver.Synchronize(_stream);
        _driver.Free(_buffer);
        DriverTiming.DestroyEvent(_start);
        DriverTiming.DestroyEvent(_end);
    }
}
