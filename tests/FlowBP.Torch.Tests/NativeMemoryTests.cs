using System.Runtime.CompilerServices;

namespace FlowBP.Torch.Tests;

[NonParallelizable]
public class NativeMemoryTests
{
    [Test]
    public void Storage_is_counted_to_the_byte()
    {
        Close.LiveHandles();
        var before = NativeMemory.CurrentBytes!.Value;
        using (var x = torch.empty([1000, 3]))
        {
            Assert.That(NativeMemory.CurrentBytes, Is.EqualTo(before + 12000));
            using var view = x.view(3, 1000);
            using var same = x.alias();
            Assert.That(NativeMemory.CurrentBytes, Is.EqualTo(before + 12000));
            using var half = x.to(ScalarType.BFloat16);
            Assert.That(NativeMemory.CurrentBytes, Is.EqualTo(before + 18000));
        }

        Assert.That(NativeMemory.CurrentBytes, Is.EqualTo(before));
    }

    [Test]
    public void A_view_keeps_the_whole_storage()
    {
        Close.LiveHandles();
        var before = NativeMemory.CurrentBytes!.Value;
        var x = torch.empty([1000]);
        var slice = x[..1];
        x.Dispose();
        Assert.That(NativeMemory.CurrentBytes, Is.EqualTo(before + 4000));
        slice.Dispose();
        Assert.That(NativeMemory.CurrentBytes, Is.EqualTo(before));
    }

    [Test]
    public void The_peak_is_the_most_at_once_since_the_reset()
    {
        Close.LiveHandles();
        var before = NativeMemory.CurrentBytes!.Value;
        torch.empty([4_000_000]).Dispose();
        NativeMemory.ResetPeak();
        Assert.That(NativeMemory.PeakBytes, Is.EqualTo(before));
        using (var a = torch.empty([1_000_000]))
        {
            torch.empty([2_000_000]).Dispose();
            torch.empty([1_000_000]).Dispose();
        }

        Assert.That(NativeMemory.PeakBytes, Is.EqualTo(before + 12_000_000));
        Assert.That(NativeMemory.CurrentBytes, Is.EqualTo(before));
    }

    [Test]
    public void Memory_is_aligned_for_vectors()
    {
        using var scope = torch.NewDisposeScope();
        for (var i = 1; i < 100; i++)
        {
            Assert.That((long)TensorPointer.Of(torch.empty([i])) % 64, Is.Zero);
        }
    }

    [Test]
    public void Forgotten_tensors_are_collected_before_memory_runs_out()
    {
        // 8 GB altogether: four times what a small machine can spare.
        Close.LiveHandles();
        var before = NativeMemory.CurrentBytes!.Value;
        NativeMemory.ResetPeak();
        Forget(512);

        Assert.That(NativeMemory.PeakBytes - before, Is.LessThan(2L << 30));
        Close.LiveHandles();
        Assert.That(NativeMemory.CurrentBytes, Is.EqualTo(before));
    }

    // A method of its own: the caller's frame would keep the last tensor alive in an unoptimised build.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(int count)
    {
        for (var i = 0; i < count; i++)
        {
            torch.empty([4 << 20]);
        }
    }
}
