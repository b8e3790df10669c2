namespace FlowBP.Cuda.Interpreter.Tests;

public class ControlFlowTests
{
    [Test]
    public void A_loop_sums_and_a_guard_selects()
    {
        using var device = new TestDevice();
        var result = device.New<int>(8);
        // Odd threads write the sum of 0 to their number, even ones its negative.
        device.Run(
            Ptx.Kernel(
                1,
                """
                    mov.u32 %r2, 0;
                    mov.u32 %r3, 0;
                $loop:
                    add.s32 %r2, %r2, %r3;
                    add.s32 %r3, %r3, 1;
                    setp.le.u32 %p1, %r3, %r1;
                    @%p1 bra $loop;
                    and.b32 %r4, %r1, 1;
                    setp.eq.u32 %p2, %r4, 1;
                    @!%p2 neg.s32 %r2, %r2;
                    st.global.s32 [%rd20], %r2;
                """
            ),
            new(2),
            new(4),
            result
        );
        Assert.That(device.Download<int>(result, 8), Is.EqualTo(new[] { 0, 1, -3, 6, -10, 15, -21, 28 }));
    }

    [Test]
    public void A_branch_by_index_takes_its_place_in_the_table()
    {
        using var device = new TestDevice();
        var result = device.New<int>(3);
        device.Run(
            Ptx.Kernel(
                1,
                """
                $table: .branchtargets $first, $second, $third;
                    brx.idx %r1, $table;
                $first:
                    mov.u32 %r2, 10;
                    bra.uni $end;
                $second:
                    mov.u32 %r2, 20;
                    bra.uni $end;
                $third:
                    mov.u32 %r2, 30;
                $end:
                    st.global.s32 [%rd20], %r2;
                """
            ),
            new(1),
            new(3),
            result
        );
        Assert.That(device.Download<int>(result, 3), Is.EqualTo(new[] { 10, 20, 30 }));
    }

    // Recursive, so that each call needs a frame of its own: registers, local memory and parameters.
    private const string Factorial = """
        .func (.param .b32 result) factorial(.param .b32 n)
        {
            .local .align 4 .b8 saved[4];
            .reg .b64 %place;
            .reg .b32 %n<5>;
            .reg .pred %small;
            ld.param.u32 %n0, [n];
            mov.u64 %place, saved;
            st.local.u32 [%place], %n0;
            setp.le.u32 %small, %n0, 1;
            @%small bra $one;
            sub.u32 %n1, %n0, 1;
            {
                .param .b32 argument;
                .param .b32 value;
                st.param.b32 [argument+0], %n1;
                call.uni (value), factorial, (argument);
                ld.param.b32 %n2, [value+0];
            }
            ld.local.u32 %n3, [%place];
            mul.lo.u32 %n4, %n2, %n3;
            st.param.b32 [result+0], %n4;
            ret;
        $one:
            st.param.b32 [result+0], 1;
            ret;
        }
        """;

    [Test]
    public void Functions_call_themselves()
    {
        using var device = new TestDevice();
        var result = device.New<uint>(6);
        device.Run(
            Ptx.Kernel(
                1,
                """
                    {
                        .param .b32 argument;
                        .param .b32 value;
                        st.param.b32 [argument], %r1;
                        call (value), factorial, (argument);
                        ld.param.b32 %r2, [value];
                    }
                    st.global.u32 [%rd20], %r2;
                """,
                Factorial
            ),
            new(2),
            new(3),
            result
        );
        Assert.That(device.Download<uint>(result, 6), Is.EqualTo(new uint[] { 1, 1, 2, 6, 24, 120 }));
    }

    [Test]
    public void A_result_that_a_function_never_sets_is_found()
    {
        using var device = new TestDevice();
        var ptx = Ptx.Kernel(
            1,
            """
                {
                    .param .b32 value;
                    call (value), forgetful, ();
                    ld.param.b32 %r2, [value];
                }
            """,
            ".func (.param .b32 result) forgetful() { ret; }"
        );
        Assert.That(
            () => device.Run(ptx, new(1), new(1), device.New<int>(1)),
            Throw.Finding(Finding.Uninitialized, "ld.param.b32")
        );
    }

    [Test]
    public void Registers_of_an_inner_block_are_its_own()
    {
        using var device = new TestDevice();
        var result = device.New<int>(1);
        device.Run(
            Ptx.Kernel(
                1,
                """
                    mov.u32 %r2, 1;
                    { .reg .b32 %r2; mov.u32 %r2, 2; { .reg .b32 %r2; mov.u32 %r2, 3; } st.global.u32 [%rd20], %r2; }
                    @%p0 st.global.u32 [%rd20], %r2;
                """
            ),
            new(1),
            new(1),
            result
        );
        // The guard %p0 was never written; what it holds is not specified, but it must not be an error to name it.
        Assert.That(device.Download<int>(result, 1)[0], Is.AnyOf(1, 2));
    }

    [Test]
    public void Threads_know_where_they_are()
    {
        using var device = new TestDevice();
        var (grid, block) = (new Dim3(2, 3, 2), new Dim3(4, 2, 5));
        var result = device.New<uint>((int)(grid.Count * block.Count) * 8);
        device.Run(
            Ptx.Kernel(
                1,
                """
                    // The number of the thread in the whole launch, from all twelve registers.
                    mov.u32 %r2, %ctaid.z;
                    mov.u32 %r3, %nctaid.y;
                    mov.u32 %r4, %ctaid.y;
                    mad.lo.u32 %r2, %r2, %r3, %r4;
                    mov.u32 %r3, %nctaid.x;
                    mov.u32 %r4, %ctaid.x;
                    mad.lo.u32 %r2, %r2, %r3, %r4;
                    mov.u32 %r3, %ntid.z;
                    mov.u32 %r4, %tid.z;
                    mad.lo.u32 %r2, %r2, %r3, %r4;
                    mov.u32 %r3, %ntid.y;
                    mov.u32 %r4, %tid.y;
                    mad.lo.u32 %r2, %r2, %r3, %r4;
                    mov.u32 %r3, %ntid.x;
                    mov.u32 %r4, %tid.x;
                    mad.lo.u32 %r2, %r2, %r3, %r4;
                    mov.u32 %r5, %laneid;
                    mov.u32 %r6, %warpid;
                    mov.u32 %r7, %lanemask_lt;
                    mov.u32 %r8, %nctaid.z;
                    mad.wide.u32 %rd30, %r2, 32, %rd0;
                    st.global.v4.u32 [%rd30], {%r2, %r5, %r6, %r7};
                    st.global.v4.u32 [%rd30+16], {%r8, %r8, %r8, %r8};
                """
            ),
            grid,
            block,
            result
        );
        var values = device.Download<uint>(result, (int)(grid.Count * block.Count) * 8);
        for (var i = 0; i < grid.Count * block.Count; i++)
        {
            var inBlock = (uint)(i % block.Count);
            Assert.That(
                values[(8 * i)..(8 * i + 5)],
                Is.EqualTo(new uint[] { (uint)i, inBlock % 32, inBlock / 32, (1u << (int)(inBlock % 32)) - 1, 2u })
            );
        }
    }

    [Test]
    public void A_trap_is_found() =>
        AssertFinding("    trap;", Finding.Trap, "block (0, 0, 0), thread (0, 0, 0)", "`trap;`");

    [Test]
    public void An_endless_loop_is_found()
    {
        using var device = new TestDevice();
        device.Driver.MaxInstructionsPerThread = 1000;
        Assert.That(
            () => device.Run(Ptx.Kernel(0, "$again: bra $again;"), new(1), new(1)),
            Throw.Finding(Finding.EndlessLoop, "the loop has no end")
        );
    }

    [Test]
    public void A_function_that_ends_without_return_is_found()
    {
        using var device = new TestDevice();
        var ptx = Ptx.Kernel(0, "").Replace("ret;", "");
        Assert.That(() => device.Run(ptx, new(1), new(1)), Throw.Finding(Finding.OutOfBounds, "without ret"));
    }

    private static void AssertFinding(string body, Finding finding, params string[] parts)
    {
        using var device = new TestDevice();
        Assert.That(() => device.Run(Ptx.Kernel(0, body), new(1), new(1)), Throw.Finding(finding, parts));
    }
}
