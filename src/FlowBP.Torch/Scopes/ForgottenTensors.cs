using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>
/// Starts a garbage collection when tensors outside any dispose scope let native memory grow. To the collector a tensor
/// is an object of a few dozen bytes, whatever it holds: a loop that forgets its temporaries would exhaust the memory
/// before the managed heap is worth a collection. GC.AddMemoryPressure would need the size of every tensor, counts views
/// of the same memory again, and costs two interlocked updates for each; the allocator's own count costs one read.
/// </summary>
internal static class ForgottenTensors
{
    // Below this growth a collection is not worth its pause (about a millisecond).
    private const long LeastGrowth = 256L << 20;
    private static long collectAbove = LeastGrowth;

    /// <summary>Called for every tensor that no scope takes.</summary>
    public static void Created()
    {
        var now = NativeMethods.flowbp_memory_current_bytes();
        var limit = Volatile.Read(ref collectAbove);
        if (now > limit)
        {
            Collect(now, limit);
        }
        else if (now < limit - (2 * Growth(now)))
        {
            // Memory was freed: growth counts from here.
            Interlocked.CompareExchange(ref collectAbove, now + Growth(now), limit);
        }
    }

    // A quarter more than there is: what is legitimately in use is not collected over again and again.
    private static long Growth(long now) => Math.Max(LeastGrowth, now / 4);

    private static void Collect(long now, long limit)
    {
        // Whoever raises the limit collects; other threads go on.
        if (Interlocked.CompareExchange(ref collectAbove, now + Growth(now), limit) == limit)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
            // The memory itself goes when the finalizers run, on a thread of their own: a loop that allocates faster than
            // they free has to wait for them, or the collection was for nothing.
            GC.WaitForPendingFinalizers();
        }
    }
}
