namespace FlowBP.Cuda.Interpreter.Tests;

public class BarrierAndWarpTests
{
    [Test]
    public void A_barrier_in_a_branch_is_found()
    {
        using var device = new TestDevice();
        var body = """
                setp.lt.u32 %p1, %r0, 32;
                @!%p1 bra $end;
                bar.sync 0;
            $end:
            """;
        Assert.That(
            () => device.Run(Ptx.Kernel(0, body), new(1), new(64)),
            Throw.Finding(Finding.DivergentBarrier, "32 of 64 threads wait", "thread (32, 0, 0)")
        );
    }

    [Test]
    public void Barriers_in_two_branches_are_found()
    {
        using var device = new TestDevice();
        var body = """
                setp.lt.u32 %p1, %r0, 32;
                @%p1 bar.sync 0;
                @!%p1 bar.sync 0;
            """;
        Assert.That(
            () => device.Run(Ptx.Kernel(0, body), new(1), new(64)),
            Throw.Finding(Finding.DivergentBarrier, "waits at another barrier", "`@!%p1 bar.sync 0;`")
        );
    }

    [Test]
    public void A_barrier_that_all_threads_skip_is_none()
    {
        using var device = new TestDevice();
        var body = """
                setp.eq.u32 %p1, %r0, 99;
                @%p1 bar.sync 0;
            """;
        Assert.That(() => device.Run(Ptx.Kernel(0, body), new(1), new(64)), Throws.Nothing);
    }

    [Test]
    public void Barriers_count_and_combine_predicates()
    {
        using var device = new TestDevice();
        var result = device.New<uint>(3);
        device.Run(
            Ptx.Kernel(
                1,
                """
                    setp.lt.u32 %p1, %r0, 40;
                    bar.red.popc.u32 %r2, 0, %p1;
                    bar.red.or.pred %p2, 0, %p1;
                    bar.red.and.pred %p3, 0, !%p1;
                    selp.u32 %r3, 1, 0, %p2;
                    selp.u32 %r4, 1, 0, %p3;
                    setp.eq.u32 %p4, %r0, 63;
                    @%p4 st.global.u32 [%rd0], %r2;
                    @%p4 st.global.u32 [%rd0+4], %r3;
                    @%p4 st.global.u32 [%rd0+8], %r4;
                """
            ),
            new(1),
            new(64),
            result
        );
        Assert.That(device.Download<uint>(result, 3), Is.EqualTo(new uint[] { 40, 1, 0 }));
    }

    [Test]
    public void Barriers_of_a_part_of_the_block_are_refused()
    {
        using var device = new TestDevice();
        Assert.That(
            () => device.Run(Ptx.Kernel(0, "    bar.sync 1, 32;"), new(1), new(64)),
            Throw.Finding(Finding.UnsupportedPtx, "32 of 64 threads")
        );
        Assert.That(() => device.Run(Ptx.Kernel(0, "    bar.sync 1, 64;"), new(1), new(64)), Throws.Nothing);
    }

    private static uint[] Shuffle(string instruction, int threads = 64)
    {
        using var device = new TestDevice();
        var result = device.New<uint>(2 * threads);
        device.Run(
            Ptx.Kernel(
                1,
                $"""
                    add.u32 %r2, %r0, 100;
                    mov.u32 %r4, 3;
                    {instruction}
                    selp.u32 %r5, 1, 0, %p1;
                    mad.wide.u32 %rd30, %r0, 8, %rd0;
                    st.global.v2.u32 [%rd30], %r3, %r5;
                """.Replace("%r3, %r5;", "{%r3, %r5};")
            ),
            new(1),
            new(threads),
            result
        );
        return device.Download<uint>(result, 2 * threads);
    }

    // width is that of __shfl_*_sync: its segments exchange among themselves.
    [TestCase("bfly", 5, 32)]
    [TestCase("bfly", 4, 8)]
    [TestCase("bfly", 12, 8)]
    [TestCase("down", 3, 32)]
    [TestCase("down", 3, 16)]
    [TestCase("up", 3, 32)]
    [TestCase("up", 3, 8)]
    [TestCase("idx", 7, 32)]
    [TestCase("idx", 13, 8)]
    public void Shuffles_read_other_lanes_of_their_segment(string direction, int amount, int width)
    {
        var clamp = ((32 - width) << 8) | (direction == "up" ? 0 : 31);
        var values = Shuffle($"shfl.sync.{direction}.b32 %r3|%p1, %r2, {amount}, {clamp}, -1;");
        for (var thread = 0; thread < 64; thread++)
        {
            var lane = thread % 32;
            var begin = lane / width * width;
            var source = direction switch
            {
                "bfly" => lane ^ amount,
                "down" => lane + amount,
                "up" => lane - amount,
                _ => begin + (amount % width),
            };
            var isInside = direction == "up" ? source >= begin : source < begin + width;
            var expected = 100 + (thread - lane) + (isInside ? source : lane);
            Assert.That(values[2 * thread], Is.EqualTo(expected), $"thread {thread}");
            Assert.That(values[(2 * thread) + 1], Is.EqualTo(isInside ? 1 : 0), $"thread {thread}");
        }
    }

    [Test]
    public void Votes_and_reductions_see_all_lanes()
    {
        using var device = new TestDevice();
        var result = device.New<uint>(8 * 32);
        device.Run(
            Ptx.Kernel(
                1,
                """
                    setp.lt.u32 %p1, %r0, 5;
                    vote.sync.ballot.b32 %r2, %p1, -1;
                    vote.sync.any.pred %p2, %p1, -1;
                    vote.sync.all.pred %p3, %p1, -1;
                    vote.sync.uni.pred %p4, !%p1, -1;
                    selp.u32 %r3, 1, 0, %p2;
                    selp.u32 %r4, 1, 0, %p3;
                    selp.u32 %r5, 1, 0, %p4;
                    and.b32 %r10, %r0, 3;
                    match.any.sync.b32 %r6, %r10, -1;
                    match.all.sync.b32 %r7|%p5, %r10, -1;
                    redux.sync.add.u32 %r8, %r0, -1;
                    redux.sync.max.u32 %r9, %r10, -1;
                    mad.wide.u32 %rd30, %r0, 32, %rd0;
                    st.global.v4.u32 [%rd30], {%r2, %r3, %r4, %r5};
                    st.global.v4.u32 [%rd30+16], {%r6, %r7, %r8, %r9};
                """
            ),
            new(1),
            new(32),
            result
        );
        var values = device.Download<uint>(result, 8 * 32);
        for (var lane = 0; lane < 32; lane++)
        {
            var expected = new uint[] { 31, 1, 0, 0, 0x11111111u << (lane & 3), 0, 496, 3 };
            Assert.That(values[(8 * lane)..(8 * lane + 8)], Is.EqualTo(expected), $"lane {lane}");
        }
    }

    [Test]
    public void Halves_of_a_warp_shuffle_by_themselves()
    {
        using var device = new TestDevice();
        var result = device.New<uint>(32);
        device.Run(
            Ptx.Kernel(
                1,
                """
                    setp.lt.u32 %p1, %r0, 16;
                    @!%p1 bra $upper;
                    shfl.sync.idx.b32 %r2, %r0, 2, 31, 0x0000ffff;
                    bra $end;
                $upper:
                    shfl.sync.idx.b32 %r2, %r0, 20, 31, 0xffff0000;
                $end:
                    st.global.u32 [%rd20], %r2;
                """
            ),
            new(1),
            new(32),
            result
        );
        Assert.That(
            device.Download<uint>(result, 32),
            Is.EqualTo(Enumerable.Range(0, 32).Select(i => i < 16 ? 2 : 20))
        );
    }

    [Test]
    public void A_shuffle_that_a_lane_of_the_mask_skips_is_found()
    {
        using var device = new TestDevice();
        var body = """
                setp.lt.u32 %p1, %r0, 16;
                @%p1 shfl.sync.idx.b32 %r2, %r0, 0, 31, -1;
            """;
        Assert.That(
            () => device.Run(Ptx.Kernel(0, body), new(1), new(32)),
            Throw.Finding(Finding.WarpMisuse, "lane 16", "has returned")
        );
        Assert.That(
            () => device.Run(Ptx.Kernel(0, body + "\n    bar.sync 0;"), new(1), new(32)),
            Throw.Finding(Finding.WarpMisuse, "never all arrive")
        );
    }

    [Test]
    public void A_shuffle_from_outside_of_the_mask_is_found()
    {
        using var device = new TestDevice();
        var body = """
                setp.lt.u32 %p1, %r0, 16;
                @%p1 shfl.sync.idx.b32 %r2, %r0, 20, 31, 0xffff;
            """;
        Assert.That(
            () => device.Run(Ptx.Kernel(0, body), new(1), new(32)),
            Throw.Finding(Finding.WarpMisuse, "reads lane 20")
        );
    }

    [Test]
    public void A_lane_outside_of_its_own_mask_is_found()
    {
        using var device = new TestDevice();
        Assert.That(
            () => device.Run(Ptx.Kernel(0, "    bar.warp.sync 0xffff;"), new(1), new(32)),
            Throw.Finding(Finding.WarpMisuse, "lane 16 is not in its own mask 0x0000ffff")
        );
    }

    [Test]
    public void A_full_mask_in_a_short_warp_is_found()
    {
        using var device = new TestDevice();
        Assert.That(
            () => device.Run(Ptx.Kernel(0, "    bar.warp.sync -1;"), new(1), new(40)),
            Throw.Finding(Finding.WarpMisuse, "names lane 8", "only 8 threads")
        );
    }
}
