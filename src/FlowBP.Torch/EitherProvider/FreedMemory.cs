// A training step frees and allocates the same few hundred buffers again and again. By default glibc maps each large one
// afresh and gives it back on free, and the kernel clears every page anew: most of the time of a small network's step.

using System.Runtime.InteropServices;

namespace FlowBP.Torch;

/// <summary>What glibc does with memory that is freed.</summary>
public static partial class FreedMemory
{
    private const int TrimThreshold = -1;
    private const int TopPad = -2;
    private const int MmapThreshold = -3;

    // The largest that glibc accepts; a larger buffer is worth its mapping.
    private const int LargestThreshold = 32 << 20;

    /// <summary>
    /// Keeps freed memory for the next allocation, for the whole process: to be called once, before tensors are made. A process
    /// then stays as large as it ever was. Nothing happens where the C library is another one.
    /// </summary>
    /// <returns>Whether the C library took the settings.</returns>
    public static bool Keep()
    {
        try
        {
            return mallopt(MmapThreshold, LargestThreshold) != 0
                && mallopt(TrimThreshold, int.MaxValue) != 0
                && mallopt(TopPad, 64 << 20) != 0;
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }
    }

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);
}
