// The binding of NCCL against a stand-in with its interface. What NCCL does on GPUs is not seen here; what is given to it and how its
// answers are taken is.

using System.Runtime.InteropServices;

namespace FlowBP.Distributed.Tests;

/// <summary>Collectives over NCCL's interface give their closed forms, and nobody waits for ever.</summary>
[NonParallelizable]
public unsafe class NcclTests
{
    private string folder = null!;
    private NcclLibrary library = null!;
    private delegate* unmanaged<nint, int> isIdle;

    [OneTimeSetUp]
    public void Build()
    {
        folder = Directory.CreateTempSubdirectory("flowbp-nccl-").FullName;
        var path = Path.Combine(folder, "libnccl-standin.so");
        var source = Path.Combine(TestContext.CurrentContext.TestDirectory, "StandInNccl.c");
        CCompiler.SharedLibrary(source, path, "-lpthread", "-lrt");
        Assert.That(NcclLibrary.TryFind(out var found, out var reason, [path]), reason);
        library = found!;
        isIdle = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(NativeLibrary.Load(path), "standin_is_idle");
    }

    [OneTimeTearDown]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TearDown]
    public void Forget()
    {
        SetVariable("STANDIN_NCCL_MUTE", null);
        SetVariable("STANDIN_NCCL_ERROR", null);
    }

    [Test]
    public void The_settings_have_the_layout_of_release_2_18()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(sizeof(NcclConfig), Is.EqualTo(48));
            Assert.That((int)Marshal.OffsetOf<NcclConfig>(nameof(NcclConfig.Blocking)), Is.EqualTo(16));
            Assert.That((int)Marshal.OffsetOf<NcclConfig>(nameof(NcclConfig.NetName)), Is.EqualTo(32));
            Assert.That((int)Marshal.OffsetOf<NcclConfig>(nameof(NcclConfig.SplitShare)), Is.EqualTo(40));
            Assert.That(sizeof(NcclUniqueId), Is.EqualTo(128));
            Assert.That(library.Version, Is.EqualTo(new Version(2, 18, 5)));
            Assert.That(library.NewId(), Has.Length.EqualTo(128).And.Some.Not.Zero);
        }
    }

    [Test]
    public void Every_operation_gives_its_closed_form([Values(1, 2, 4)] int size) =>
        Together(
            size,
            ranks =>
            {
                const int Count = 1001;
                var rank = ranks.Rank;
                using var own = new Values(size * Count);
                using var result = new Values(size * Count);
                for (var i = 0; i < Count; i++)
                {
                    own[i] = rank + 1 + (i % 7);
                }
                ranks.AllReduce(own.Address, result.Address, Count, ElementType.Float32, Reduction.Sum);
                Assert.That(
                    result.First(Count),
                    Is.EqualTo(Numbers(Count, i => (size * (size + 1) / 2) + (size * (i % 7))))
                );
                ranks.AllReduce(own.Address, result.Address, Count, ElementType.Float32, Reduction.Min);
                Assert.That(result.First(Count), Is.EqualTo(Numbers(Count, i => 1 + (i % 7))));
                ranks.AllReduce(own.Address, own.Address, Count, ElementType.Float32, Reduction.Max);
                Assert.That(own.First(Count), Is.EqualTo(Numbers(Count, i => size + (i % 7))), "in place");

                for (var i = 0; i < size * Count; i++)
                {
                    own[i] = i;
                }
                ranks.ReduceScatter(own.Address, result.Address, Count, ElementType.Float32, Reduction.Sum);
                Assert.That(result.First(Count), Is.EqualTo(Numbers(Count, i => size * ((rank * Count) + i))));
                ranks.AllGather(result.Address, own.Address, Count, ElementType.Float32);
                Assert.That(own.First(size * Count), Is.EqualTo(Numbers(size * Count, i => size * i)));

                own[0] = rank;
                ranks.Broadcast(own.Address, 1, ElementType.Float32, size - 1);
                Assert.That(own[0], Is.EqualTo(size - 1));

                ICollectiveWork? last = null;
                using (ranks.BeginGroup())
                {
                    for (var i = 0; i < 20; i++)
                    {
                        own[i] = i;
                        var address = own.Address + (4 * i);
                        last = ranks.BeginAllReduce(address, address, 1, ElementType.Float32, Reduction.Sum);
                    }
                    Assert.That(last!.IsCompleted, Is.False, "nothing of a group has begun before its end");
                    Assert.That(last.Wait, Throws.InvalidOperationException);
                }
                last!.Wait();
                ranks.Barrier();
                Assert.That(own.First(20), Is.EqualTo(Numbers(20, i => size * i)), "a group");
            }
        );

    [TestCase(ElementType.UInt8, 1)]
    [TestCase(ElementType.Int64, 4)]
    [TestCase(ElementType.Float16, 6)]
    [TestCase(ElementType.Float32, 7)]
    [TestCase(ElementType.Float64, 8)]
    [TestCase(ElementType.BFloat16, 9)]
    public void Types_have_NCCLs_numbers(ElementType type, int number) =>
        Assert.That(NcclNumbers.Of(type), Is.EqualTo(number));

    [Test]
    public void A_rank_that_does_not_come_ends_the_others_at_the_deadline()
    {
        SetVariable("STANDIN_NCCL_MUTE", "1");
        var failures = RankThreads.Each(2, Ranked(2, TimeSpan.FromSeconds(1), (ranks, _) => ranks.Barrier()));
        Assert.That(failures[0], Is.InstanceOf<RankLostException>());
        Assert.That(
            failures[0]!.Message,
            Is.EqualTo("an all-reduce did not end within 1 s: a rank has not come to it")
        );
    }

    [Test]
    public void Whoever_knows_who_is_lost_is_believed_before_the_deadline()
    {
        SetVariable("STANDIN_NCCL_MUTE", "1");
        var known = new RankLostException("rank 1 is gone: its process has ended", [1]);
        var failures = RankThreads.Each(
            2,
            Ranked(2, TimeSpan.FromSeconds(30), (ranks, _) => ranks.Barrier(), begun => begun ? known : null)
        );
        Assert.That(failures[0]?.Message, Is.EqualTo(known.Message));
        Assert.That(((RankLostException)failures[0]!).Ranks, Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public void An_error_that_is_reported_later_is_told_in_NCCLs_words()
    {
        var failures = RankThreads.Each(
            2,
            Ranked(
                2,
                TimeSpan.FromSeconds(5),
                (ranks, together) =>
                {
                    together();
                    if (ranks.Rank == 0)
                    {
                        SetVariable("STANDIN_NCCL_ERROR", "0");
                        ranks.Barrier();
                    }
                }
            )
        );
        Assert.That(failures[0], Is.InstanceOf<NcclException>());
        Assert.That(
            failures[0]!.Message,
            Is.EqualTo("an all-reduce: remote process exited or there was a network error (6); nothing was said")
        );
    }

    [Test]
    public void What_is_not_there_is_named_with_every_place()
    {
        Assert.That(NcclLibrary.TryFind(out _, out var reason, ["/none/libnccl.so.2", "libc.so.6"]), Is.False);
        Assert.That(
            reason,
            Is.EqualTo(
                "no NCCL: /none/libnccl.so.2 does not load; libc.so.6: it has no ncclGetErrorString; set FLOWBP_NCCL to a libnccl.so.2 of"
                    + " release 2.18 or newer"
            )
        );
    }

    private void Together(int size, Action<NcclCommunicator> work)
    {
        var failures = RankThreads.Each(size, Ranked(size, TimeSpan.FromSeconds(30), (ranks, _) => work(ranks)));
        Assert.That(failures.OfType<Exception>(), Is.Empty);
    }

    // A rank with a communicator of its own; `together` waits for all.
    private Action<int> Ranked(
        int size,
        TimeSpan timeout,
        Action<NcclCommunicator, Action> work,
        Func<bool, RankLostException?>? lost = null
    )
    {
        var id = library.NewId();
        var all = new Barrier(size);
        return rank =>
        {
            using var scratch = new Values(1);
            var begun = false;
            using var ranks = new NcclCommunicator(
                library,
                id,
                rank,
                size,
                timeout,
                stream => isIdle(stream) != 0,
                scratch.Address,
                () => lost?.Invoke(begun)
            );
            all.SignalAndWait(TimeSpan.FromSeconds(30));
            begun = true;
            work(ranks, () => all.SignalAndWait(TimeSpan.FromSeconds(30)));
        };
    }

    private static IEnumerable<float> Numbers(int count, Func<int, int> of) =>
        Enumerable.Range(0, count).Select(i => (float)of(i));

    // The runtime's own variables are not the C library's.
    private static void SetVariable(string name, string? value)
    {
        if (value is null)
        {
            _ = unsetenv(name);
        }
        else
        {
            _ = setenv(name, value, 1);
        }
    }

    [DllImport("libc", CharSet = CharSet.Ansi)]
    private static extern int setenv(string name, string value, int overwrite);

    [DllImport("libc", CharSet = CharSet.Ansi)]
    private static extern int unsetenv(string name);

    private sealed class Values(int count) : IDisposable
    {
        private readonly float* first = (float*)NativeMemory.AllocZeroed((nuint)count, sizeof(float));

        public nint Address => (nint)first;

        public float this[int i]
        {
            get => first[i];
            set => first[i] = value;
        }

        public float[] First(int wanted) => new ReadOnlySpan<float>(first, wanted).ToArray();

        public void Dispose() => NativeMemory.Free(first);
    }
}
