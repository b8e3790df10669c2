// The driver's side: handles, arguments, memory, streams, and what it refuses.

namespace FlowBP.Cuda.Interpreter.Tests;

public class DriverTests
{
    private static readonly string s_copy = Ptx.Kernel(
        2,
        """
            cvta.to.global.u64 %rd30, %rd0;
            cvta.to.global.u64 %rd31, %rd1;
            mad.wide.u32 %rd32, %r1, 4, %rd30;
            mad.wide.u32 %rd33, %r1, 4, %rd31;
            ld.global.f32 %f1, [%rd32];
            st.global.f32 [%rd33], %f1;
        """
    );

    [Test]
    public void It_passes_for_one_device()
    {
        using var driver = new PtxInterpreter(new ComputeCapability(9, 0), multiprocessors: 3, memoryBytes: 1000);
        Assert.That(driver.DeviceCount, Is.EqualTo(1));
        Assert.That(driver.Device(0).Architecture.ToString(), Is.EqualTo("sm_90"));
        Assert.That(driver.Device(0).MultiprocessorCount, Is.EqualTo(3));
        Assert.That(driver.Device(0).MemoryBytes, Is.EqualTo(1000));
        Assert.That(() => driver.Device(1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void An_unknown_instruction_names_its_line()
    {
        using var device = new TestDevice();
        var ptx = Ptx.Kernel(0, "    mma.sync.magic.f32 %r1, %r2;");
        var line = Array.FindIndex(ptx.Split('\n'), text => text.Contains("mma", StringComparison.Ordinal)) + 1;
        Assert.That(
            () => device.Load(ptx),
            Throw.Finding(Finding.UnsupportedPtx, $"PTX line {line} `mma.sync.magic.f32 %r1, %r2;`", "test.ptx")
        );
    }

    [TestCase("add.rn.wrong.f32 %f1, %f2, %f3;", "unknown modifier .wrong of add")]
    [TestCase("add.f32 %f1, %f2, %nowhere;", "%nowhere is not declared")]
    [TestCase("add.f32 %f1, %f2;", "takes 2 operands")]
    [TestCase("add.f32 5, %f2, %f3;", "is not a register")]
    [TestCase("bra $nowhere;", "there is no label $nowhere")]
    [TestCase("call elsewhere, ();", "the called function elsewhere is not defined")]
    public void An_unknown_form_of_an_instruction_says_what_is_wrong(string instruction, string message)
    {
        using var device = new TestDevice();
        Assert.That(() => device.Load(Ptx.Kernel(0, instruction)), Throw.Finding(Finding.UnsupportedPtx, message));
    }

    [TestCase(
        ".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry kernel( {",
        "line 4: expected .param, found '{'"
    )]
    [TestCase(".version 7.8\n.target sm_80\n.address_size 32\n", "line 4: only 64-bit addresses")]
    [TestCase("garbage", "line 1: PTX begins with .version")]
    [TestCase(".version 7.8\n.target sm_80\n.entry k() { .reg .b32 %r; .reg .b32 %r; }", "%r is declared twice")]
    [TestCase(
        ".version 7.8\n.target sm_80\n.entry k() { ret",
        "line 3: expected an operand, found the end of the text"
    )]
    public void What_is_no_PTX_is_refused_as_the_driver_does(string text, string log)
    {
        using var device = new TestDevice();
        var error = Assert.Throws<CudaException>(() => device.Load(text))!;
        Assert.That(error.ErrorName, Is.EqualTo("CUDA_ERROR_INVALID_PTX"));
        Assert.That(error.Log, Does.Contain(log));
        Assert.That(error.Call, Does.Contain("test.ptx"));
    }

    [Test]
    public void A_text_that_ends_anywhere_is_an_error_and_nothing_worse()
    {
        var text = Ptx.Kernel(
            2,
            """
                .loc 1 3 4, function_name $L__info_string0, inlined_at 1 5 6
                @%p1 ld.global.v2.f32 {%f1, %f2}, [%rd0+8];
            """,
            ".const .align 4 .u32 table[3] = {10, 20, 30};",
            ".maxntid 128, 1, 1"
        );
        for (var length = 0; length < text.Length - 1; length++)
        {
            using var device = new TestDevice();
            Assert.That(
                () => device.Load(text[..length]),
                Throws.TypeOf<CudaException>().Or.TypeOf<InterpreterException>(),
                $"the first {length} characters"
            );
        }
    }

    [Test]
    public void Machine_code_and_newer_architectures_are_refused()
    {
        using var device = new TestDevice();
        Assert.That(
            () => device.Driver.LoadModule("\x7f\x45LF"u8, "cubin"),
            Throws.TypeOf<CudaException>().With.Property("ErrorName").EqualTo("CUDA_ERROR_NO_BINARY_FOR_GPU")
        );
        Assert.That(
            () => device.Load(s_copy.Replace("sm_80", "sm_90", StringComparison.Ordinal)),
            Throws.TypeOf<CudaException>().With.Message.Contains("compiled for sm_90, the device is sm_80")
        );
    }

    [Test]
    public void An_unknown_kernel_is_refused_with_the_known_ones()
    {
        using var device = new TestDevice();
        Assert.That(
            () => device.Load(s_copy, "kernle"),
            Throws.TypeOf<CudaException>().With.Message.Contains("there are kernel (CUDA_ERROR_NOT_FOUND)")
        );
    }

    [Test]
    public void Resources_come_from_the_declarations()
    {
        using var device = new TestDevice();
        var kernel = device.Load(
            Ptx.Header
                + """
                .const .align 4 .b8 table[12];
                .visible .entry kernel(.param .u64 p)
                .maxntid 128, 2, 1
                .minnctapersm 2
                {
                    .shared .align 4 .b8 used[100];
                    .local .align 8 .b8 depot[48];
                    .reg .pred %p<2>;
                    .reg .b32 %r<10>;
                    .reg .b64 %rd<5>;
                    mov.u64 %rd1, used;
                    mov.u64 %rd2, depot;
                    ret;
                }
                """
        );
        Assert.That(device.Driver.Resources(kernel), Is.EqualTo(new KernelResources(22, 100, 48, 12, 256)));
    }

    [Test]
    public void Too_few_arguments_are_found()
    {
        using var device = new TestDevice();
        Assert.That(
            () => device.Run(s_copy, new(1), new(1), device.Upload(1f)),
            Throw.Finding(Finding.BadArguments, "has 2 parameters", "with 1 arguments")
        );
    }

    [Test]
    public void An_argument_that_is_no_pointer_is_found()
    {
        using var device = new TestDevice();
        var data = device.Upload(1f);
        Assert.That(
            () => device.Run(s_copy, new(1), new(1), data, 17),
            Throw.Finding(Finding.BadArguments, "argument 1 of kernel kernel (p1, 8 bytes)", "0x11 points to no memory")
        );
        // 32 bits where the kernel takes 64: the upper half is what happens to lie behind.
        Assert.That(
            () => device.Run(s_copy, new(1), new(1), data, (uint)data | 0x5bad_0000_0000_0000),
            Throw.Finding(Finding.BadArguments, "points to no memory")
        );
    }

    [Test]
    public void Freed_memory_is_found_wherever_it_is_used()
    {
        using var device = new TestDevice();
        var source = device.Upload(1f);
        var target = device.Upload(2f);
        device.Driver.Free(source);
        Assert.That(
            () => device.Run(s_copy, new(1), new(1), source, target),
            Throw.Finding(Finding.UseAfterFree, "argument 0", "allocation 1, which was given back")
        );
        Assert.That(() => device.Download<float>(source, 1), Throw.Finding(Finding.UseAfterFree, "a copy to the host"));
        Assert.That(() => device.Driver.Free(source), Throw.Finding(Finding.BadHandle));
        // A pointer inside a structure is seen when it is followed.
        var indirect = device.Upload((long)source);
        Assert.That(
            () =>
                device.Run(
                    Ptx.Kernel(1, "    ld.global.u64 %rd30, [%rd0];\n    ld.global.f32 %f1, [%rd30];"),
                    new(1),
                    new(1),
                    indirect
                ),
            Throw.Finding(Finding.UseAfterFree, "byte 0 of allocation 1 (4 bytes)", "which was given back")
        );
    }

    [Test]
    public void Memory_is_counted_and_limited()
    {
        using var driver = new PtxInterpreter(memoryBytes: 1000);
        var first = driver.Allocate(600);
        Assert.That(driver.AllocatedBytes, Is.EqualTo(600));
        Assert.That(
            () => driver.Allocate(500),
            Throws
                .TypeOf<CudaException>()
                .With.Property("ErrorName")
                .EqualTo("CUDA_ERROR_OUT_OF_MEMORY")
                .And.Message.Contains("600 of 1000 bytes")
        );
        driver.Free(first);
        Assert.That(driver.AllocatedBytes, Is.Zero);
        Assert.That(driver.Allocate(0), Is.EqualTo((nint)0));
        driver.Free(0);
    }

    [Test]
    public void Copies_are_checked()
    {
        using var device = new TestDevice();
        var memory = device.New<byte>(10);
        Assert.That(
            () => device.Driver.CopyToDevice(memory + 4, new byte[7], 0),
            Throw.Finding(Finding.OutOfBounds, "byte 4 of allocation 1 (10 bytes)")
        );
        device.Driver.CopyToDevice(memory + 1, new byte[] { 1, 2, 3 }, 0);
        Assert.That(device.Download<byte>(memory + 1, 3), Is.EqualTo(new byte[] { 1, 2, 3 }));
        Assert.That(() => device.Download<byte>(memory + 1, 4), Throw.Finding(Finding.Uninitialized));
        Assert.That(() => device.Download<byte>(memory, 2), Throw.Finding(Finding.Uninitialized));
        device.Driver.Fill(memory + 4, 7, 6, 0);
        Assert.That(device.Download<byte>(memory + 3, 7), Is.EqualTo(new byte[] { 3, 7, 7, 7, 7, 7, 7 }));
        Assert.That(() => device.Driver.Fill(memory + 4, 7, 7, 0), Throw.Finding(Finding.OutOfBounds));
    }

    [TestCase(0, 1, 1, 1, 0)]
    [TestCase(1, 65536, 1, 1, 0)]
    [TestCase(1, 1, 1025, 1, 0)]
    [TestCase(1, 1, 32, 33, 0)]
    [TestCase(1, 1, 0, 1, 0)]
    [TestCase(1, 1, 1, 1, 300000)]
    public void Impossible_launches_are_refused_as_the_driver_does(
        int gridX,
        int gridY,
        int blockX,
        int blockY,
        int shared
    )
    {
        using var device = new TestDevice();
        var kernel = device.Load(s_copy);
        var data = device.Upload(1f);
        Assert.That(
            () => device.Launch(kernel, new(gridX, gridY), new(blockX, blockY), shared, 0, data, data),
            Throws.TypeOf<CudaException>().With.Property("ErrorName").EqualTo("CUDA_ERROR_INVALID_VALUE")
        );
    }

    [Test]
    public void Launch_bounds_hold()
    {
        using var device = new TestDevice();
        var kernel = device.Load(Ptx.Kernel(0, "", directives: ".maxntid 64, 1, 1"));
        Assert.That(() => device.Launch(kernel, new(1), new(64), 0, 0), Throws.Nothing);
        Assert.That(
            () => device.Launch(kernel, new(1), new(65), 0, 0),
            Throws.TypeOf<CudaException>().With.Message.Contains("of 64 at most")
        );
    }

    [Test]
    public void Work_is_recorded_in_order()
    {
        using var device = new TestDevice();
        var data = device.Upload(1f, 2f);
        var copy = device.New<float>(2);
        device.Driver.Synchronize(0);
        device.Launch(device.Load(s_copy), new(1), new(2), 0, 5, data, copy);
        device.Driver.Synchronize(5);
        Assert.That(
            device.Driver.Operations,
            Is.EqualTo(
                new[]
                {
                    new DriverOperation(DriverOperationKind.CopyToDevice, 0, "", default, default, 8),
                    new DriverOperation(DriverOperationKind.Synchronize, 0, "", default, default, 0),
                    new DriverOperation(DriverOperationKind.Launch, 5, "kernel", new(1), new(2), 0),
                    new DriverOperation(DriverOperationKind.Synchronize, 5, "", default, default, 0),
                }
            )
        );
    }
}
