// Tensors that nobody disposed are found by what the garbage collector frees: what it had to free, somebody has left to it.

using System.Runtime;

namespace FlowBP.Tests;

/// <summary>Counts what an action leaves to the garbage collector.</summary>
internal static class LeftTensors
{
    private const long MostAllocated = 100 << 20;

    /// <summary>Handles of tensors that the collector had to free after an action.</summary>
    public static long By(Action action)
    {
        // The first time what is kept for good is made, such as tables of operators.
        action();
        Collect();
        // What the collector freed meanwhile would not be counted.
        GC.TryStartNoGCRegion(MostAllocated);
        action();
        var before = NativeMemory.LiveHandles;
        if (GCSettings.LatencyMode == GCLatencyMode.NoGCRegion)
        {
            GC.EndNoGCRegion();
        }
        Collect();
        return before - NativeMemory.LiveHandles;
    }

    private static void Collect()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }
}
