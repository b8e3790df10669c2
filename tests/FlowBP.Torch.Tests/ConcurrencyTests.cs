namespace FlowBP.Torch.Tests;

[NonParallelizable]
public class ConcurrencyTests
{
    [Test]
    public void Each_thread_has_scopes_of_its_own()
    {
        using var scope = torch.NewDisposeScope();
        var shared = torch.ones(8);
        var before = Close.LiveHandles();
        OnThreads(
            4,
            seed =>
            {
                for (var i = 0; i < 2000; i++)
                {
                    using var own = torch.NewDisposeScope();
                    var y = (shared * seed) + i;
                    if (y.sum().item<float>() != 8 * (seed + i) || own.DisposablesCount != 3)
                    {
                        throw new InvalidOperationException($"thread {seed}, turn {i}: {own.DisposablesCount} tensors");
                    }
                }
            }
        );
        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
        Assert.That(scope.Contains(shared), Is.True);
    }

    [Test]
    public void Tensors_of_one_scope_can_be_disposed_and_moved_on_other_threads()
    {
        var before = Close.LiveHandles();
        using (var outer = torch.NewDisposeScope())
        {
            using (var scope = torch.NewDisposeScope())
            {
                Tensor[] tensors = [.. Enumerable.Range(0, 8000).Select(i => torch.full([1], i))];
                OnThreads(
                    4,
                    part =>
                    {
                        for (var i = part - 1; i < tensors.Length; i += 4)
                        {
                            switch (i % 3)
                            {
                                case 0:
                                    tensors[i].Dispose();
                                    break;
                                case 1:
                                    scope.MoveToOuter(tensors[i]);
                                    break;
                                default:
                                    break;
                            }
                        }
                    }
                );
                Assert.That(scope.DisposablesCount, Is.EqualTo(tensors.Count(t => scope.Contains(t))));
                Assert.That(outer.DisposablesCount, Is.EqualTo(2667));
            }
        }

        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }

    [Test]
    public void Managed_backwards_run_on_several_threads_at_once()
    {
        var before = Close.LiveHandles();
        OnThreads(
            4,
            seed =>
            {
                for (var i = 0; i < 300; i++)
                {
                    using var scope = torch.NewDisposeScope();
                    var x = torch.full([4], seed, torch.float64, requires_grad: true);
                    Square.apply(x).sum().backward();
                    if (x.grad!.sum().item<double>() != 8 * seed)
                    {
                        throw new InvalidOperationException("wrong gradient");
                    }
                }
            }
        );
        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }

    [Test]
    public void A_thread_that_ends_with_an_open_scope_leaves_its_tensors_to_the_collector()
    {
        var before = Close.LiveHandles();
        OnThreads(
            2,
            _ =>
            {
                torch.NewDisposeScope();
                torch.ones(3).exp();
            }
        );
        Assert.That(Close.LiveHandles(), Is.EqualTo(before));
    }

    [Test]
    public void Undisposed_temporaries_live_and_die_under_another_threads_collections()
    {
        // Ten seconds in a normal run; FLOWBP_STRESS_SECONDS sets another time.
        var seconds = double.TryParse(Environment.GetEnvironmentVariable("FLOWBP_STRESS_SECONDS"), out var s) ? s : 10;
        var before = Close.LiveHandles();
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        long turns = 0;
        OnThreads(
            2,
            seed =>
            {
                while (!stop.IsCancellationRequested)
                {
                    Interlocked.Increment(ref turns);
                    Forget(seed);
                }
            }
        );
        collector.Join();

        TestContext.Out.WriteLine($"{turns} turns in {seconds} s");
        Assert.That(turns, Is.GreaterThan(10));
        Assert.That(Close.LiveHandles(), Is.EqualTo(before));
    }

    // Everything a training step does, nothing disposed; all numbers are small integers, so that they are exact.
    private static void Forget(int seed)
    {
        var x = torch.full([16], seed, torch.float64, requires_grad: true);
        var y = torch.cat([(x * 2) + 1, x - 1]).view(4, 8)[1.., ..^1];
        var z = Square.apply(y.contiguous()).sum() + torch.ones([2]).to(torch.float64).sum();
        z.backward();
        Tensor[] parts = [x.grad![..5], x.grad[5..]];
        var forward = 2 + ((7.0 * ((2 * seed) + 1) * ((2 * seed) + 1)) + (14.0 * (seed - 1) * (seed - 1)));
        if (z.item<double>() != forward)
        {
            throw new InvalidOperationException($"{z.item<double>()} is not {forward}");
        }

        var backward = (7.0 * 2 * ((2 * seed) + 1) * 2) + (14.0 * 2 * (seed - 1));
        var sum = parts.Sum(p => p.sum().item<double>());
        if (sum != backward)
        {
            throw new InvalidOperationException($"{sum} is not {backward}");
        }
    }

    // An exception on a thread of its own would end the process: it is carried to the test.
    private static void OnThreads(int count, Action<int> body)
    {
        Exception? failure = null;
        Thread[] threads =
        [
            .. Enumerable
                .Range(1, count)
                .Select(i => new Thread(() =>
                {
                    try
                    {
                        body(i);
                    }
                    catch (Exception e)
                    {
                        failure = e;
                    }
                })),
        ];
        foreach (var thread in threads)
        {
            thread.Start();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        Assert.That(failure, Is.Null);
    }

    private sealed class Square : OneResult<Square>
    {
        public override string Name => nameof(Square);

        protected override Tensor Forward(torch.autograd.AutogradContext ctx, object[] vars)
        {
            ctx.save_for_backward([(Tensor)vars[0]]);
            return ((Tensor)vars[0]).square();
        }

        protected override List<Tensor> Backward(torch.autograd.AutogradContext ctx, Tensor grad_output) =>
            [grad_output * ctx.get_saved_variables()[0] * 2];
    }
}
