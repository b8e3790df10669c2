using System.Runtime.InteropServices;

namespace FlowBP.Torch.Tests;

/// <summary>Numbers that operators take are not freed while they are read, whenever the garbage is collected.</summary>
public class DeferredScalarsTests
{
    [SetUp]
    public void Load()
    {
        TorchLibrary.Load();
        if (!DeferredScalars.AreDeferred)
        {
            Assert.Ignore("this TorchSharp is not the one for Linux on x64, or the system lets nobody change code");
        }
    }

    [Test]
    public void What_is_freed_waits_and_then_goes()
    {
        // What waits from before may go at any time.
        DeferredScalars.Free(Environment.TickCount64 + DeferredScalars.Delay + 1000);
        var before = DeferredScalars.Count;
        for (var i = 0; i < 100; i++)
        {
            ((TorchSharp.Scalar)i).Dispose();
        }
        Assert.That(DeferredScalars.Count, Is.GreaterThanOrEqualTo(before + 100));
        DeferredScalars.Free(Environment.TickCount64);
        Assert.That(DeferredScalars.Count, Is.GreaterThanOrEqualTo(100));
        DeferredScalars.Free(Environment.TickCount64 + DeferredScalars.Delay + 1000);
        Assert.That(DeferredScalars.Count, Is.LessThan(100));
    }

    [Test]
    public void Another_function_is_not_taken_for_the_known_one()
    {
        Assert.That(
            DeferredScalars.IsKnown(NativeLibrary.GetExport(NativeLibrary.Load("libstdc++.so.6"), "_ZdlPv")),
            Is.False
        );
    }

    // Without the delay this fails within a second: an operator reads a number that was freed.
    [Test]
    public void Operators_compute_with_the_numbers_they_were_given_while_another_thread_collects()
    {
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            Parallel.For(0, 2, _ => Compute());
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }

        static void Compute()
        {
            using var x = torch.ones(256);
            for (var i = 0; i < 20_000; i++)
            {
                using var scope = torch.NewDisposeScope();
                // (1·3 + 2 + 1) / 2 − 1
                var y = (x * 3 + 2 + x) / 2 - 1;
                if (!y.eq(2).all().item<bool>())
                {
                    throw new InvalidOperationException($"turn {i} computed with other numbers: {y[0].ToDouble()}");
                }
            }
        }
    }
}
