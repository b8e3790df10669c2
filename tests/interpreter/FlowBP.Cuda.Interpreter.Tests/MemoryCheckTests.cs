// Each check of a single access, against a kernel with one mistake.

namespace FlowBP.Cuda.Interpreter.Tests;

public class MemoryCheckTests
{
    private const string Copy = """
            ld.global.f32 %f1, [%rd20];
            st.global.f32 [%rd21], %f1;
        """;

    [Test]
    public void A_copy_copies()
    {
        using var device = new TestDevice();
        var source = device.Upload<float>(1, 2, 3, 4);
        var target = device.New<float>(4);
        device.Run(Ptx.Kernel(2, Copy), new(2), new(2), source, target);
        Assert.That(device.Download<float>(target, 4), Is.EqualTo(new float[] { 1, 2, 3, 4 }));
    }

    [Test]
    public void A_read_past_the_end_names_kernel_thread_line_and_allocation()
    {
        using var device = new TestDevice();
        var source = device.Upload<float>(1, 2, 3);
        var target = device.New<float>(4);
        Assert.That(
            () => device.Run(Ptx.Kernel(2, Copy), new(2), new(2), source, target),
            Throw.Finding(
                Finding.OutOfBounds,
                "kernel kernel, block (1, 0, 0), thread (1, 0, 0), PTX line",
                "`ld.global.f32 %f1, [%rd20];`",
                "reads 4 bytes",
                "0 bytes past the end of allocation 1 (12 bytes)"
            )
        );
    }

    [Test]
    public void A_write_before_the_beginning_is_found()
    {
        using var device = new TestDevice();
        var target = device.New<float>(4);
        Assert.That(
            () => device.Run(Ptx.Kernel(1, "    st.global.u32 [%rd0+-4], %r0;"), new(1), new(1), target),
            Throw.Finding(Finding.OutOfBounds, "writes 4 bytes", "4 bytes before allocation 1")
        );
    }

    [Test]
    public void A_vector_that_sticks_out_is_found()
    {
        using var device = new TestDevice();
        var source = device.Upload<float>(1, 2, 3, 4, 5, 6);
        Assert.That(
            () =>
                device.Run(
                    Ptx.Kernel(1, "    ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd0+16];"),
                    new(1),
                    new(1),
                    source
                ),
            Throw.Finding(Finding.OutOfBounds, "reads 16 bytes", "byte 16 of allocation 1 (24 bytes)")
        );
    }

    [Test]
    public void A_null_pointer_is_found()
    {
        using var device = new TestDevice();
        Assert.That(
            () => device.Run(Ptx.Kernel(1, "    ld.global.u32 %r2, [%rd0+8];"), new(1), new(1), 0),
            Throw.Finding(Finding.OutOfBounds, "a null pointer")
        );
    }

    [TestCase("ld.global.u32 %r2, [%rd0+2];", 4)]
    [TestCase("ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd0+8];", 16)]
    [TestCase("ld.global.nc.v2.f32 {%f2, %f3}, [%rd0+4];", 8)]
    [TestCase("st.global.u16 [%rd0+1], %r1;", 2)]
    [TestCase("st.global.v2.u64 [%rd0+8], {%rd1, %rd2};", 16)]
    [TestCase("red.global.add.u64 [%rd0+4], %rd2;", 8)]
    public void A_misaligned_access_is_found(string instruction, int bytes)
    {
        using var device = new TestDevice();
        var source = device.Upload(new int[16]);
        Assert.That(
            () => device.Run(Ptx.Kernel(1, instruction), new(1), new(1), source),
            Throw.Finding(Finding.Misaligned, $"not a multiple of {bytes}")
        );
    }

    [Test]
    public void Global_memory_that_nothing_wrote_is_found()
    {
        using var device = new TestDevice();
        var source = device.New<float>(4);
        device.Driver.Fill(source, 0, 12, 0);
        var target = device.New<float>(4);
        Assert.That(
            () => device.Run(Ptx.Kernel(2, Copy), new(1), new(4), source, target),
            Throw.Finding(
                Finding.Uninitialized,
                "thread (3, 0, 0)",
                "byte 12 of allocation 1 (16 bytes)",
                "which nothing has written"
            )
        );
    }

    [Test]
    public void What_a_kernel_wrote_counts_as_written()
    {
        using var device = new TestDevice();
        var first = device.Upload<float>(5, 6);
        var second = device.New<float>(2);
        var third = device.New<float>(2);
        device.Run(Ptx.Kernel(2, Copy), new(1), new(2), first, second);
        device.Run(Ptx.Kernel(2, Copy), new(1), new(2), second, third);
        Assert.That(device.Download<float>(third, 2), Is.EqualTo(new float[] { 5, 6 }));
    }

    [Test]
    public void Shared_memory_begins_unwritten_in_every_block()
    {
        using var device = new TestDevice();
        // The first block writes, the second only reads.
        var ptx = Ptx.Kernel(
            1,
            """
                setp.eq.u32 %p1, %r30, 0;
                @%p1 st.shared.u32 [part], %r1;
                ld.shared.u32 %r2, [part];
            """,
            ".shared .align 4 .b8 part[4];"
        );
        Assert.That(
            () => device.Run(ptx, new(2), new(1), device.New<int>(1)),
            Throw.Finding(Finding.Uninitialized, "block (1, 0, 0)", "byte 0 of part (4 bytes)")
        );
    }

    [Test]
    public void Shared_variables_have_bounds_of_their_own()
    {
        using var device = new TestDevice();
        var ptx = Ptx.Kernel(
            1,
            "    st.shared.u32 [first+8], %r1;",
            ".shared .align 4 .b8 first[8];\n.shared .align 4 .b8 second[8];"
        );
        Assert.That(
            () => device.Run(ptx, new(1), new(1), device.New<int>(1)),
            Throw.Finding(Finding.OutOfBounds, "0 bytes past the end of first (8 bytes)")
        );
    }

    private const string DynamicShared = ".extern .shared .align 16 .b8 dynamic[];";

    [Test]
    public void Dynamic_shared_memory_is_as_large_as_the_launch_says()
    {
        using var device = new TestDevice();
        var body = """
                mov.u64 %rd30, dynamic;
                mad.wide.u32 %rd31, %r0, 4, %rd30;
                st.shared.u32 [%rd31], %r0;
                ld.shared.u32 %r2, [%rd31];
                st.global.u32 [%rd20], %r2;
            """;
        var kernel = device.Load(Ptx.Kernel(1, body, DynamicShared));
        var result = device.New<uint>(8);
        device.Launch(kernel, new(1), new(8), 32, 0, result);
        Assert.That(device.Download<uint>(result, 8), Is.EqualTo(new uint[] { 0, 1, 2, 3, 4, 5, 6, 7 }));
        Assert.That(
            () => device.Launch(kernel, new(1), new(8), 28, 0, result),
            Throw.Finding(Finding.OutOfBounds, "0 bytes past the end of dynamic shared memory (28 bytes)")
        );
    }

    [Test]
    public void Local_memory_is_each_threads_own_and_begins_unwritten()
    {
        using var device = new TestDevice();
        var result = device.New<uint>(8);
        var write = """
                .local .align 8 .b8 depot[8];
                mov.u64 %rd30, depot;
                cvta.local.u64 %rd31, %rd30;
                st.u32 [%rd31], %r1;
            """;
        var barrier = "    bar.sync 0;\n";
        var read = """
                ld.local.u32 %r2, [%rd30];
                st.global.u32 [%rd20], %r2;
            """;
        device.Run(Ptx.Kernel(1, write + "\n" + barrier + read), new(2), new(4), result);
        Assert.That(device.Download<uint>(result, 8), Is.EqualTo(new uint[] { 0, 1, 2, 3, 4, 5, 6, 7 }));
        Assert.That(
            () => device.Run(Ptx.Kernel(1, write + "\n    ld.local.u32 %r3, [%rd30+4];"), new(1), new(1), result),
            Throw.Finding(Finding.Uninitialized, "the thread's local memory")
        );
        Assert.That(
            () => device.Run(Ptx.Kernel(1, write + "\n    ld.local.u32 %r3, [%rd30+8];"), new(1), new(1), result),
            Throw.Finding(Finding.OutOfBounds, "outside of every variable")
        );
    }

    [Test]
    public void Parameters_of_a_structure_are_read_at_computed_places()
    {
        using var device = new TestDevice();
        var ptx =
            Ptx.Header
            + """
                .visible .entry kernel(.param .align 8 .b8 table[32], .param .u64 out)
                {
                    .reg .b64 %rd<9>;
                    .reg .b32 %r<9>;
                    mov.b64 %rd1, table;
                    mov.u32 %r1, %tid.x;
                    mad.wide.u32 %rd2, %r1, 8, %rd1;
                    ld.param.u32 %r2, [%rd2+4];
                    ld.param.u64 %rd3, [out];
                    mad.wide.u32 %rd4, %r1, 4, %rd3;
                    st.global.u32 [%rd4], %r2;
                    ret;
                }
                """;
        var result = device.New<uint>(4);
        RunWithTable(device, ptx, 4, result);
        Assert.That(device.Download<uint>(result, 4), Is.EqualTo(new uint[] { 11, 21, 31, 41 }));
        var larger = device.New<uint>(5);
        Assert.That(
            () => RunWithTable(device, ptx, 5, larger),
            Throw.Finding(Finding.OutOfBounds, "outside of every variable")
        );
    }

    private static unsafe void RunWithTable(TestDevice device, string ptx, int threads, nint result)
    {
        var table = stackalloc uint[] { 10, 11, 20, 21, 30, 31, 40, 41 };
        device.Driver.Launch(device.Load(ptx), new(1), new(threads), 0, 0, [(nint)table, (nint)(&result)]);
    }

    [Test]
    public void Constant_and_global_variables_hold_their_initializers()
    {
        using var device = new TestDevice();
        var result = device.New<uint>(3);
        var ptx = Ptx.Kernel(
            1,
            """
                mov.u64 %rd30, table;
                mad.wide.u32 %rd30, %r1, 4, %rd30;
                ld.const.u32 %r2, [%rd30];
                ld.global.u32 %r3, [offset];
                add.u32 %r2, %r2, %r3;
                st.global.u32 [%rd20], %r2;
                atom.global.add.u32 %r4, [counter], 1;
            """,
            """
            .const .align 4 .u32 table[3] = {10, 20, 30};
            .global .align 4 .b8 offset[4] = {1, 1};
            .global .align 4 .u32 counter;
            """
        );
        device.Run(ptx, new(1), new(3), result);
        Assert.That(device.Download<uint>(result, 3), Is.EqualTo(new uint[] { 267, 277, 287 }));
    }

    [TestCase("ld.shared.u32 %r2, [%rd0];", "as shared memory")]
    [TestCase("ld.const.u32 %r2, [%rd0];", "as constant memory")]
    [TestCase("st.local.u32 [%rd0], 1;", "as local memory")]
    [TestCase("mov.u64 %rd30, table; st.global.u32 [%rd30], 1;", "as global memory")]
    [TestCase("mov.u64 %rd30, table; st.u32 [%rd30], 1;", "read-only")]
    [TestCase("mov.b64 %rd30, p0; st.param.u32 [%rd30], 1;", "read-only")]
    public void The_wrong_state_space_is_found(string instructions, string message)
    {
        using var device = new TestDevice();
        var ptx = Ptx.Kernel(1, instructions, ".const .align 4 .u32 table[3] = {10, 20, 30};");
        Assert.That(
            () => device.Run(ptx, new(1), new(1), device.Upload(1)),
            Throw.Finding(Finding.OutOfBounds, message)
        );
    }

    [Test]
    public void Generic_addresses_reach_every_space()
    {
        using var device = new TestDevice();
        var result = device.New<uint>(3);
        device.Run(
            Ptx.Kernel(
                1,
                """
                    mov.u64 %rd30, part;
                    cvta.shared.u64 %rd31, %rd30;
                    st.u32 [%rd31], 7;
                    ld.shared.u32 %r2, [part];
                    isspacep.shared %p1, %rd31;
                    isspacep.global %p2, %rd0;
                    selp.u32 %r3, 1, 0, %p1;
                    selp.u32 %r4, 1, 0, %p2;
                    st.u32 [%rd0], %r2;
                    st.u32 [%rd0+4], %r3;
                    st.u32 [%rd0+8], %r4;
                """,
                ".shared .align 4 .b8 part[4];"
            ),
            new(1),
            new(1),
            result
        );
        Assert.That(device.Download<uint>(result, 3), Is.EqualTo(new uint[] { 7, 1, 1 }));
    }

    [Test]
    public void Atomics_return_the_old_value()
    {
        using var device = new TestDevice();
        var cells = device.Upload<uint>(10, 10, 10, 10, 10, 10, 10, 0, 5);
        var old = device.New<uint>(9);
        var opcodes = new[] { "add.u32", "min.u32", "max.u32", "and.b32", "or.b32", "xor.b32", "exch.b32", "inc.u32" };
        var body = string.Concat(
            opcodes.Select(
                (opcode, i) =>
                    $"    atom.global.{opcode} %r2, [%rd0+{4 * i}], 12;\n    st.global.u32 [%rd1+{4 * i}], %r2;\n"
            )
        );
        body += "    atom.global.cas.b32 %r2, [%rd0+32], 5, 9;\n    st.global.u32 [%rd1+32], %r2;\n";
        device.Run(Ptx.Kernel(2, body), new(1), new(1), cells, old);
        Assert.That(device.Download<uint>(old, 9), Is.EqualTo(new uint[] { 10, 10, 10, 10, 10, 10, 10, 0, 5 }));
        Assert.That(device.Download<uint>(cells, 9), Is.EqualTo(new uint[] { 22, 10, 12, 8, 14, 6, 12, 1, 9 }));
    }

    [Test]
    public void Atomic_counters_wrap()
    {
        using var device = new TestDevice();
        var counters = device.Upload<uint>(0, 0);
        var body = """
                red.global.inc.u32 [%rd0], 2;
                red.global.dec.u32 [%rd0+4], 2;
            """;
        device.Run(Ptx.Kernel(1, body), new(1), new(4), counters);
        Assert.That(device.Download<uint>(counters, 2), Is.EqualTo(new uint[] { 1, 2 }));
    }

    [Test]
    public void Atomic_sums_of_floats_add_up()
    {
        using var device = new TestDevice();
        var sums = device.Upload(0.0, 0.0);
        var body = """
                cvt.rn.f64.u32 %d1, %r1;
                atom.global.add.f64 %d2, [%rd0], %d1;
                cvt.rn.f32.u32 %f1, %r1;
                red.global.add.f32 [%rd0+8], %f1;
            """;
        device.Run(Ptx.Kernel(1, body), new(4), new(8), sums);
        Assert.That(device.Download<double>(sums, 1)[0], Is.EqualTo(496));
        Assert.That(device.Download<float>(sums, 3)[2], Is.EqualTo(496));
    }
}
