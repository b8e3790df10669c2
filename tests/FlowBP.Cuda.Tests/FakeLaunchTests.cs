// Kernels: their modules, resources, arguments and launches, alone and in graphs.

using System.Runtime.InteropServices;

namespace FlowBP.Cuda.Tests;

public unsafe class FakeLaunchTests : FakeDriverFixture
{
    [Test]
    public void A_kernel_gets_its_arguments_grid_and_stream()
    {
        float[] x = [1, 2, 3, 4, 5];
        float[] y = [10, 20, 30, 40, 50];
        var device_x = Upload(x);
        var device_y = Upload(y);
        using var kernels = new LoadedText(Driver, "axpy");
        var stream = DriverTiming.CreateStream(Driver);

        Driver.Launch(kernels.Axpy, new(3, 2), new(128, 1, 2), stream, device_y, device_x, 0.5f, 4L);

        var result = new float[5];
        Driver.CopyToHost(MemoryMarshal.AsBytes(result.AsSpan()), device_y, stream);
        Assert.That(result, Is.EqualTo((float[])[10.5f, 21, 31.5f, 42, 50]));
        var launched = new Span<uint>((void*)NativeLibrary.GetExport(FakeDriver.Library, "last_launch"), 7);
        Assert.That(launched.ToArray(), Is.EqualTo((uint[])[3, 2, 1, 128, 1, 2, 0]));
        Assert.That(*(nint*)NativeLibrary.GetExport(FakeDriver.Library, "last_stream"), Is.EqualTo(stream));
        DriverTiming.DestroyStream(stream);
    }

    [Test]
    public void A_launch_allocates_nothing()
    {
        using var kernels = new LoadedText(Driver, "plain");
        var kernel = kernels.Kernel("plain");
        var table = new Table { First = 1, Second = 3 };
        Driver.Launch(kernel, new(1), new(1), 0, (nint)1, 2, 3L, 4f, KernelArgument.Structure(&table));
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 100; i++)
        {
            Driver.Launch(kernel, new(1), new(1), 0, (nint)1, i, 3L, 4f, KernelArgument.Structure(&table));
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void Much_shared_memory_is_asked_for_before_the_launch()
    {
        using var kernels = new LoadedText(Driver, "plain");
        var kernel = kernels.Kernel("plain");

        Assert.That(() => Driver.Launch(kernel with { SharedBytes = 100_000 }, new(1), new(1), 0), Throws.Nothing);
        Assert.That(() => Driver.Launch(kernel with { SharedBytes = 60_000 }, new(1), new(1), 0), Throws.Nothing);
        Assert.That(
            () => Driver.Launch(kernel with { SharedBytes = 300_000 }, new(1), new(1), 0),
            Throws
                .TypeOf<CudaException>()
                .With.Message.Contains(
                    $"300000 bytes of shared memory for plain (this device has at most {227 * 1024})"
                )
        );
    }

    [Test]
    public void A_launch_that_is_refused_names_kernel_grid_and_block()
    {
        using var kernels = new LoadedText(Driver, "plain");

        Assert.That(
            () => Driver.Launch(kernels.Kernel("plain"), new(0), new(256), 0),
            Throws
                .TypeOf<CudaException>()
                .With.Message.StartsWith("cuLaunchKernel of plain with grid (0, 1, 1), block (256, 1, 1)")
        );
    }

    [Test]
    public void Resources_are_those_of_the_function()
    {
        using var kernels = new LoadedText(Driver, "plain");

        Assert.That(kernels.Kernel("plain").Resources, Is.EqualTo(new KernelResources(40, 1024, 8, 64, 512)));
    }

    [Test]
    public void A_kernel_that_is_not_in_the_module_is_named_with_the_module()
    {
        using var kernels = new LoadedText(Driver, "plain");

        Assert.That(
            () => kernels.Kernel("absent"),
            Throws
                .TypeOf<CudaException>()
                .With.Message.EqualTo(
                    "cuModuleGetFunction of absent in text.cu: named symbol not found (CUDA_ERROR_NOT_FOUND)"
                )
        );
    }

    [Test]
    public void Code_that_the_driver_refuses_is_named_with_the_log_of_its_compiler()
    {
        var thrown = Assert.Throws<CudaException>(() => Driver.LoadModule("refuse this"u8, "broken.cu"))!;

        Assert.That(thrown.Call, Is.EqualTo("cuModuleLoadDataEx of broken.cu on Imaginary 0"));
        Assert.That(thrown.ErrorName, Is.EqualTo("CUDA_ERROR_INVALID_PTX"));
        Assert.That(thrown.Log, Is.EqualTo("ptxas: line 7: no such instruction\ninformation"));
        Assert.That(thrown.Message, Does.Contain("line 7"));
    }

    [Test]
    public void Code_of_a_newer_compiler_says_what_to_do()
    {
        Assert.That(
            () => Driver.LoadModule("refuse! this"u8, "new.cu"),
            Throws
                .TypeOf<CudaException>()
                .With.Message.Contains("the driver supports CUDA 12.4")
                .And.Message.Contains("update the driver, or set FLOWBP_NVRTC")
        );
    }

    [Test]
    public void Modules_are_unloaded()
    {
        var before = Call<int>("fake_loaded_modules")();
        var kernels = new LoadedText(Driver, "plain");
        Assert.That(Call<int>("fake_loaded_modules")(), Is.EqualTo(before + 1));

        kernels.Dispose();

        Assert.That(Call<int>("fake_loaded_modules")(), Is.EqualTo(before));
    }

    [Test]
    public void Events_measure_the_time_between_them()
    {
        var start = DriverTiming.CreateEvent(Driver);
        var end = DriverTiming.CreateEvent(Driver);

        DriverTiming.RecordEvent(start, 0);
        DriverTiming.RecordEvent(end, 0);

        Assert.That(DriverTiming.ElapsedMilliseconds(start, end), Is.EqualTo(1.25));
        DriverTiming.DestroyEvent(start);
        DriverTiming.DestroyEvent(end);
    }

    [Test]
    public void A_captured_graph_runs_when_it_is_launched_and_not_before()
    {
        float[] one = [1];
        var x = Upload(one);
        var y = Upload(one);
        using var kernels = new LoadedText(Driver, "axpy");
        var stream = DriverTiming.CreateStream(Driver);

        var graph = DriverTiming.CaptureGraph(
            stream,
            () =>
            {
                Driver.Launch(kernels.Axpy, new(1), new(32), stream, y, x, 2f, 1L);
                Driver.Launch(kernels.Axpy, new(1), new(32), stream, y, x, 3f, 1L);
            }
        );

        Assert.That(First(y), Is.EqualTo(1));
        DriverTiming.LaunchGraph(graph, stream);
        DriverTiming.LaunchGraph(graph, stream);
        Assert.That(First(y), Is.EqualTo(11));
        DriverTiming.DestroyGraph(graph);
        DriverTiming.DestroyStream(stream);
    }

    [Test]
    public void A_capture_that_fails_is_ended_and_leaves_the_stream_usable()
    {
        var stream = DriverTiming.CreateStream(Driver);

        Assert.That(
            () => DriverTiming.CaptureGraph(stream, () => throw new InvalidOperationException("stopped")),
            Throws.InvalidOperationException.With.Message.EqualTo("stopped")
        );
        Assert.That(() => Driver.Synchronize(stream), Throws.Nothing);
        DriverTiming.DestroyGraph(DriverTiming.CaptureGraph(stream, () => { }));
        DriverTiming.DestroyStream(stream);
    }

    [Test]
    public void Whether_a_stream_is_done_is_asked_and_not_waited_for()
    {
        Assert.That(Driver.IsIdle(0), Is.False);
        Assert.That(Driver.IsIdle(0));
    }

    private float First(nint pointer)
    {
        var value = new float[1];
        Driver.CopyToHost(MemoryMarshal.AsBytes(value.AsSpan()), pointer, 0);
        return value[0];
    }

    private struct Table
    {
        public ulong First;
        public int Second;
    }
}
