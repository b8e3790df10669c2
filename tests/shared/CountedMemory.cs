// Exact figures of tensor memory. The TorchSharp package does not count tensors: what can only be shown by a count is skipped
// with it, by name.

namespace FlowBP.Tests;

internal static class CountedMemory
{
    public static long CurrentBytes => Counted(NativeMemory.CurrentBytes);

    public static long PeakBytes => Counted(NativeMemory.PeakBytes);

    public static void ResetPeak() => NativeMemory.ResetPeak();

    private static long Counted(long? bytes)
    {
        if (bytes is null)
        {
            Assert.Ignore("only the project's own binding counts tensors (TorchProvider=FlowBP)");
        }
        return bytes!.Value;
    }
}
