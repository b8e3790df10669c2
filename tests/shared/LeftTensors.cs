// Tensors that nobody disposed are found by what the garbage collector frees: what it had to free, somebody has left to it.

namespace FlowBP.Tests;

/// <summary>Counts what an action leaves to the garbage collector.</summary>
internal static class LeftTensors
{
    /// <summary>Handles of tensors that the collector had to free after an action.</summary>
    public static long By(Action action)
    {
        // The first time what is kept for good is made, such as tables of operators.
        action();
        Collect();
        action();
        var before = NativeMemory.LiveHandles;
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
