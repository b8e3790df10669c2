using System.Runtime.InteropServices;

namespace FlowBP.Torch.Tests;

/// <summary>What the system says about this process's memory follows what the process takes and gives back.</summary>
[NonParallelizable]
public unsafe class ProcessMemoryTests
{
    // Large enough for glibc to map it by itself and to give it back when it is freed; whatever else the process does is small.
    private const nuint Size = 256 << 20;
    private const long Noise = 64 << 20;

    [Test]
    public void Memory_that_is_touched_is_resident_and_what_is_freed_stays_in_the_peak()
    {
        if (ProcessMemory.CurrentBytes is not { } before)
        {
            Assert.Ignore("this system does not say what a process holds");
            return;
        }
        var taken = Touched();
        var during = ProcessMemory.CurrentBytes!.Value;
        Pages.Free(taken);
        Assert.Multiple(() =>
        {
            Assert.That(during - before, Is.GreaterThan((long)Size - Noise));
            Assert.That(ProcessMemory.CurrentBytes, Is.LessThan(during - (long)Size + Noise));
            Assert.That(ProcessMemory.PeakBytes, Is.GreaterThan(during - Noise));
        });
    }

    [Test]
    public void A_new_peak_begins_at_what_is_held_now()
    {
        Pages.Free(Touched());
        if (!ProcessMemory.ResetPeak())
        {
            Assert.Ignore("this system lets no process start a new high-water mark");
        }
        Assert.That(ProcessMemory.PeakBytes - ProcessMemory.CurrentBytes, Is.InRange(-Noise, Noise));
    }

    private static nint Touched()
    {
        var taken = Pages.Take(Size);
        new Span<byte>((void*)taken, (int)Size).Fill(1);
        return taken;
    }

    // mmap rather than malloc: whether malloc gives memory back depends on what the program told it.
    private static class Pages
    {
        public static nint Take(nuint bytes)
        {
            var taken = mmap(0, bytes, 3, 0x22, -1, 0);
            Assert.That(taken, Is.Not.EqualTo((nint)(-1)));
            return taken;
        }

        public static void Free(nint taken) => Assert.That(munmap(taken, Size), Is.Zero);

        [DllImport("libc")]
        private static extern nint mmap(nint address, nuint length, int protection, int flags, int file, nint offset);

        [DllImport("libc")]
        private static extern int munmap(nint address, nuint length);
    }
}
