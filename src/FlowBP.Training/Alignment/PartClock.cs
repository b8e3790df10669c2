using System.Diagnostics;
using FlowBP.Training.Devices;

namespace FlowBP.Training.Alignment;

/// <summary>Splits a step's wall time by named parts. A GPU's work is queued: a part ends when its work has.</summary>
/// <param name="device">Where the work is done.</param>
internal sealed class PartClock(ComputeDevice device)
{
    private readonly long start = Stopwatch.GetTimestamp();
    private readonly Dictionary<string, double> parts = [];
    private long last = Stopwatch.GetTimestamp();

    /// <summary>Seconds by part, in the order in which they first ended.</summary>
    public IReadOnlyDictionary<string, double> Parts => parts;

    /// <summary>Seconds from the beginning to the end of the last part.</summary>
    public double Total => Stopwatch.GetElapsedTime(start, last).TotalSeconds;

    /// <summary>Ends a part; the next one begins.</summary>
    /// <param name="part">Its name; a part of an accumulated update recurs, and its times add up.</param>
    public void Lap(string part)
    {
        device.Synchronize();
        var now = Stopwatch.GetTimestamp();
        parts[part] = parts.GetValueOrDefault(part) + Stopwatch.GetElapsedTime(last, now).TotalSeconds;
        last = now;
    }
}
