// Races: what is found, and, as important, what is not. Each pair of tests differs in the one instruction that matters.

namespace FlowBP.Cuda.Interpreter.Tests;

public class OrderingTests
{
    private const string Shared = ".shared .align 16 .b8 part[256];";

    /// <summary>Every thread writes its word, and reads another thread's.</summary>
    private static string Exchange(string between, string neighbour = "xor.b32 %r2, %r0, 1;") =>
        Ptx.Kernel(
            1,
            $"""
                mov.u64 %rd30, part;
                mad.wide.u32 %rd31, %r0, 4, %rd30;
                st.shared.u32 [%rd31], %r0;
                {between}
                {neighbour}
                mad.wide.u32 %rd32, %r2, 4, %rd30;
                ld.shared.u32 %r3, [%rd32];
                st.global.u32 [%rd20], %r3;
            """,
            Shared
        );

    [Test]
    public void A_barrier_orders_the_block()
    {
        using var device = new TestDevice();
        var result = device.New<uint>(64);
        device.Run(Exchange("bar.sync 0;", "sub.u32 %r2, 63, %r0;"), new(1), new(64), result);
        Assert.That(device.Download<uint>(result, 64), Is.EqualTo(Enumerable.Range(0, 64).Reverse()));
    }

    [Test]
    public void A_missing_barrier_is_found()
    {
        using var device = new TestDevice();
        // Thread 1 runs after thread 0 here, and finds its value: the number would be right.
        Assert.That(
            () => device.Run(Exchange("", "and.b32 %r2, %r0, 62;"), new(1), new(64), device.New<uint>(64)),
            Throw.Finding(
                Finding.Race,
                "thread (1, 0, 0)",
                "byte 0 of part (256 bytes)",
                "which thread (0, 0, 0) of the same block wrote at PTX line",
                "no barrier lies between"
            )
        );
    }

    [Test]
    public void A_fence_is_no_barrier()
    {
        using var device = new TestDevice();
        Assert.That(
            () => device.Run(Exchange("membar.cta;", "and.b32 %r2, %r0, 62;"), new(1), new(64), device.New<uint>(64)),
            Throw.Finding(Finding.Race)
        );
    }

    [Test]
    public void A_warp_barrier_orders_the_lanes_of_its_mask()
    {
        using var device = new TestDevice();
        var result = device.New<uint>(64);
        device.Run(Exchange("bar.warp.sync 0xffffffff;"), new(1), new(64), result);
        Assert.That(device.Download<uint>(result, 64), Is.EqualTo(Enumerable.Range(0, 64).Select(i => i ^ 1)));
        Assert.That(
            () => device.Run(Exchange("bar.warp.sync 0xffffffff;", "sub.u32 %r2, 63, %r0;"), new(1), new(64), result),
            Throw.Finding(Finding.Uninitialized, "byte 252 of part"),
            "the other warp hasn't run yet"
        );
    }

    [Test]
    public void A_shuffle_is_no_warp_barrier()
    {
        using var device = new TestDevice();
        Assert.That(
            () => device.Run(Exchange("shfl.sync.idx.b32 %r9, %r0, 0, 31, -1;"), new(1), new(32), device.New<uint>(32)),
            Throw.Finding(Finding.Race)
        );
    }

    [Test]
    public void A_write_after_another_threads_read_is_found()
    {
        using var device = new TestDevice();
        string Kernel(string between) =>
            Ptx.Kernel(
                1,
                $"""
                    mov.u64 %rd30, part;
                    mad.wide.u32 %rd31, %r0, 4, %rd30;
                    st.shared.u32 [%rd31], %r0;
                    bar.sync 0;
                    ld.shared.u32 %r3, [part];
                    {between}
                    st.shared.u32 [%rd31], 5;
                """,
                Shared
            );
        var result = device.New<uint>(1);
        Assert.That(() => device.Run(Kernel("bar.sync 0;"), new(1), new(8), result), Throws.Nothing);
        // The first thread may overwrite what it read itself; all the others read it too.
        Assert.That(
            () => device.Run(Kernel(""), new(1), new(8), result),
            Throw.Finding(Finding.Race, "ld.shared.u32 %r3, [part];")
        );
    }

    [Test]
    public void Two_writes_of_the_same_word_are_found()
    {
        using var device = new TestDevice();
        Assert.That(
            () =>
                device.Run(
                    Ptx.Kernel(1, "    st.shared.u32 [part], %r0;", Shared),
                    new(1),
                    new(2),
                    device.New<uint>(1)
                ),
            Throw.Finding(Finding.Race, "wrote")
        );
    }

    [Test]
    public void Neighbouring_halves_of_a_word_are_independent()
    {
        using var device = new TestDevice();
        var result = device.New<ushort>(64);
        device.Run(
            Ptx.Kernel(1, "    mad.wide.u32 %rd30, %r1, 2, %rd0;\n    st.global.u16 [%rd30], %r1;"),
            new(4),
            new(16),
            result
        );
        Assert.That(device.Download<ushort>(result, 64), Is.EqualTo(Enumerable.Range(0, 64)));
    }

    [Test]
    public void Blocks_that_write_the_same_place_are_found()
    {
        using var device = new TestDevice();
        Assert.That(
            () => device.Run(Ptx.Kernel(1, "    st.global.u32 [%rd0], %r1;"), new(2), new(1), device.New<uint>(1)),
            Throw.Finding(
                Finding.Race,
                "thread (0, 0, 0) of block (0, 0, 0) wrote",
                "no fences and atomics order the two blocks"
            )
        );
    }

    /// <summary>The last block to arrive adds up what all blocks wrote.</summary>
    private static string LastBlockSums(
        string release = "membar.gl;",
        string atomic = "atom.global.inc.u32",
        string acquire = "membar.gl;"
    ) =>
        Ptx.Kernel(
            3,
            $$"""
                // %rd0: one number per block; %rd1: the counter; %rd2: the sum
                setp.ne.u32 %p1, %r0, 0;
                @%p1 bra $arrived;
                mad.wide.u32 %rd30, %r30, 4, %rd0;
                add.u32 %r2, %r30, 1;
                st.global.u32 [%rd30], %r2;
                {{release}}
                mov.u32 %r3, %nctaid.x;
                sub.u32 %r4, %r3, 1;
                {{atomic}} %r5, [%rd1], %r4;
                setp.eq.u32 %p2, %r5, %r4;
                selp.u32 %r6, 1, 0, %p2;
                st.shared.u32 [last], %r6;
                {{acquire}}
            $arrived:
                bar.sync 0;
                ld.shared.u32 %r7, [last];
                setp.eq.u32 %p3, %r7, 0;
                @%p3 bra $end;
                setp.ne.u32 %p4, %r0, 1;
                @%p4 bra $end;
                // By another thread than the one that passed the fences: the barrier carries the knowledge on.
                mov.u32 %r8, 0;
                mov.u32 %r9, 0;
                mov.u32 %r3, %nctaid.x;
            $loop:
                mad.wide.u32 %rd31, %r8, 4, %rd0;
                ld.global.u32 %r10, [%rd31];
                add.u32 %r9, %r9, %r10;
                add.u32 %r8, %r8, 1;
                setp.lt.u32 %p5, %r8, %r3;
                @%p5 bra $loop;
                st.global.u32 [%rd2], %r9;
            $end:
            """,
            ".shared .align 4 .b8 last[4];"
        );

    private static uint RunLastBlockSums(string ptx, int? seed = null)
    {
        using var device = new TestDevice();
        device.Driver.ScheduleSeed = seed;
        var counter = device.Upload(0u);
        var sum = device.New<uint>(1);
        device.Run(ptx, new(5), new(32), device.New<uint>(5), counter, sum);
        Assert.That(device.Download<uint>(counter, 1)[0], Is.Zero, "ready for the next launch");
        return device.Download<uint>(sum, 1)[0];
    }

    [TestCase(null)]
    [TestCase(1)]
    [TestCase(2)]
    public void Fences_and_an_atomic_order_blocks_in_any_schedule(int? seed) =>
        Assert.That(RunLastBlockSums(LastBlockSums(), seed), Is.EqualTo(15));

    [Test]
    public void An_atomic_that_releases_and_acquires_needs_no_fences() =>
        Assert.That(RunLastBlockSums(LastBlockSums("", "atom.acq_rel.gpu.global.inc.u32", "")), Is.EqualTo(15));

    [TestCase("", "membar.gl;", TestName = "A_missing_fence_before_the_atomic_is_found")]
    [TestCase("membar.gl;", "", TestName = "A_missing_fence_after_the_atomic_is_found")]
    [TestCase("membar.cta;", "membar.gl;", TestName = "A_fence_of_block_scope_reaches_no_other_block")]
    public void Missing_fence(string release, string acquire) =>
        Assert.That(
            () => RunLastBlockSums(LastBlockSums(release, acquire: acquire)),
            Throw.Finding(Finding.Race, "ld.global.u32 %r10, [%rd31];", "no fences and atomics order the two blocks")
        );

    [Test]
    public void A_relaxed_atomic_alone_orders_nothing() =>
        Assert.That(
            () => RunLastBlockSums(LastBlockSums("", "atom.relaxed.gpu.global.inc.u32", "")),
            Throw.Finding(Finding.Race)
        );

    [Test]
    public void A_plain_access_beside_atomics_is_found()
    {
        using var device = new TestDevice();
        var body = """
                red.global.add.u32 [%rd0], 1;
                ld.global.u32 %r2, [%rd0];
            """;
        Assert.That(
            () => device.Run(Ptx.Kernel(1, body), new(2), new(1), device.Upload(0u)),
            Throw.Finding(Finding.Race, "red.global.add.u32")
        );
        var strong = body.Replace("ld.global", "ld.volatile.global", StringComparison.Ordinal);
        Assert.That(() => device.Run(Ptx.Kernel(1, strong), new(2), new(1), device.Upload(0u)), Throws.Nothing);
    }

    [Test]
    public void A_flag_passed_through_volatile_memory_needs_fences_on_both_sides()
    {
        // Thread 0 publishes a number and raises a flag; thread 32, of the other warp, waits for the flag.
        string Kernel(string release, string acquire) =>
            Ptx.Kernel(
                2,
                $"""
                    setp.eq.u32 %p1, %r0, 32;
                    @%p1 bra $waits;
                    setp.ne.u32 %p2, %r0, 0;
                    @%p2 bra $end;
                    st.global.u32 [%rd0], 42;
                    {release}
                    st.volatile.global.u32 [%rd1], 1;
                    bra $end;
                $waits:
                    ld.volatile.global.u32 %r2, [%rd1];
                    setp.eq.u32 %p3, %r2, 0;
                    @%p3 bra $waits;
                    {acquire}
                    ld.global.u32 %r3, [%rd0];
                    st.global.u32 [%rd0+4], %r3;
                $end:
                """
            );
        using var device = new TestDevice();
        nint Run(string ptx)
        {
            var data = device.New<uint>(2);
            device.Run(ptx, new(1), new(64), data, device.Upload(0u));
            return data;
        }
        Assert.That(device.Download<uint>(Run(Kernel("membar.cta;", "membar.cta;")), 2)[1], Is.EqualTo(42));
        Assert.That(() => Run(Kernel("", "membar.cta;")), Throw.Finding(Finding.Race));
        Assert.That(() => Run(Kernel("membar.cta;", "")), Throw.Finding(Finding.Race));
    }

    [Test]
    public void A_thread_that_waits_for_a_later_one_of_its_block_lets_it_run()
    {
        // Thread 0 waits for what the last thread writes: nothing but time slices brings that about.
        using var device = new TestDevice();
        var result = device.New<uint>(1);
        device.Run(
            Ptx.Kernel(
                2,
                """
                    setp.eq.u32 %p1, %r0, 0;
                    @!%p1 st.volatile.global.u32 [%rd1], 9;
                    @!%p1 bra $end;
                $waits:
                    ld.volatile.global.u32 %r2, [%rd1];
                    setp.eq.u32 %p3, %r2, 0;
                    @%p3 bra $waits;
                    st.global.u32 [%rd0], %r2;
                $end:
                """
            ),
            new(1),
            new(2),
            result,
            device.Upload(0u)
        );
        Assert.That(device.Download<uint>(result, 1)[0], Is.EqualTo(9));
    }

    [Test]
    public void Writing_what_the_launch_read_as_constant_is_found()
    {
        using var device = new TestDevice();
        var data = device.Upload<float>(1, 2, 3, 4);
        var body = """
                ld.global.nc.f32 %f1, [%rd20];
                st.global.f32 [%rd21], %f1;
            """;
        Assert.That(
            () => device.Run(Ptx.Kernel(2, body), new(1), new(4), data, data),
            Throw.Finding(Finding.BrokenReadOnlyPromise, "writes 4 bytes", "const __restrict__")
        );
        var other = device.New<float>(4);
        Assert.That(() => device.Run(Ptx.Kernel(2, body), new(1), new(4), data, other), Throws.Nothing);
        Assert.That(
            () => device.Run(Ptx.Kernel(2, body), new(1), new(4), other, data),
            Throws.Nothing,
            "another launch"
        );
    }

    [Test]
    public void Reading_as_constant_what_the_launch_wrote_is_found()
    {
        using var device = new TestDevice();
        var body = """
                st.global.u32 [%rd20], %r1;
                ld.global.nc.u32 %r2, [%rd20];
            """;
        Assert.That(
            () => device.Run(Ptx.Kernel(1, body), new(1), new(1), device.New<uint>(1)),
            Throw.Finding(Finding.BrokenReadOnlyPromise, "the same thread wrote")
        );
    }

    [Test]
    public void Launches_come_one_after_another()
    {
        using var device = new TestDevice();
        var data = device.New<uint>(32);
        var write = Ptx.Kernel(1, "    st.global.u32 [%rd20], %r1;");
        var shift = Ptx.Kernel(
            2,
            """
                xor.b32 %r2, %r1, 31;
                mad.wide.u32 %rd30, %r2, 4, %rd0;
                ld.global.u32 %r3, [%rd30];
                st.global.u32 [%rd21], %r3;
            """
        );
        var result = device.New<uint>(32);
        device.Run(write, new(8), new(4), data);
        device.Run(shift, new(2), new(16), data, result);
        Assert.That(device.Download<uint>(result, 32), Is.EqualTo(Enumerable.Range(0, 32).Reverse()));
    }

    [Test]
    public void Accesses_of_different_widths_to_the_same_bytes_are_compared()
    {
        using var device = new TestDevice();
        // Thread 0 writes 16 bytes at once, thread 1 two bytes of them.
        var body = """
                setp.eq.u32 %p1, %r0, 0;
                @%p1 st.global.v4.u32 [%rd0], {%r0, %r0, %r0, %r0};
                @!%p1 st.global.u16 [%rd0+6], %r0;
            """;
        Assert.That(
            () => device.Run(Ptx.Kernel(1, body), new(1), new(2), device.New<uint>(4)),
            Throw.Finding(Finding.Race, "byte 6 of allocation 1")
        );
    }
}
