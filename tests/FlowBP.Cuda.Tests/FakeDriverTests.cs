// Every entry point of the driver through the real bindings, against FakeDriver.c: widths and order of arguments, strings,
// options, contexts, errors. It takes the place of the real driver in this process, so it is left out where there is one.

using System.Runtime.InteropServices;
using System.Text;
using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda.Tests;

public unsafe class FakeDriverTests
{
    private TemporaryFolder folder = null!;
    private nint library;
    private CudaDriver driver = null!;

    [OneTimeSetUp]
    public void Build()
    {
        folder = new TemporaryFolder();
        if (NativeLibrary.TryLoad(NativeLibraries.Driver, out _))
        {
            Assert.Ignore("a driver is here, and is tested instead");
        }
        var path = folder.Path("libfake.so");
        Requirement.SharedLibrary(Path.Combine(TestContext.CurrentContext.TestDirectory, "FakeDriver.c"), path);
        library = NativeLibrary.Load(path);
        NativeLibraries.DriverHandle = library;
        // The bindings of the benchmarks are compiled into this assembly.
        NativeLibrary.SetDllImportResolver(
            typeof(DriverTiming).Assembly,
            (name, _, _) => name == NativeLibraries.Driver ? library : 0
        );
    }

    [OneTimeTearDown]
    public void Remove()
    {
        NativeLibraries.DriverHandle = 0;
        folder.Dispose();
    }

    [SetUp]
    public void Open()
    {
        SetCurrent(0);
        Assert.That(CudaDriver.TryOpen(out var opened, out var obstacle), Is.True, obstacle?.Message);
        driver = opened!;
    }

    [TearDown]
    public void Close() => driver.Dispose();

    [Test]
    public void The_driver_tells_its_version_and_its_devices()
    {
        Assert.That(driver.Name, Is.EqualTo("NVIDIA driver 12.4"));
        Assert.That(driver.DeviceCount, Is.EqualTo(2));
        Assert.That(
            driver.Device(1),
            Is.EqualTo(new CudaDevice(1, "Imaginary 1", new(9, 1), 132, 50 << 20, (80L << 30) + 71, 1024, 227 * 1024))
        );
        Assert.That(() => driver.Device(2), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void A_device_that_is_not_there_and_a_compiler_that_is_too_new_are_findings()
    {
        Assert.That(CudaDriver.TryOpen(out _, out var absent, ordinal: 2), Is.False);
        Assert.That(absent!.Obstacle, Is.EqualTo(CudaObstacle.NoDevice));
        Assert.That(CudaDriver.TryOpen(out _, out var newer, toolkit: new Version(13, 0)), Is.False);
        Assert.That(newer!.Obstacle, Is.EqualTo(CudaObstacle.DriverOlderThanToolkit));
        Assert.That(CudaDriver.TryOpen(out var fitting, out _, toolkit: new Version(12, 9)), Is.True);
        fitting!.Dispose();
    }

    [Test]
    public void A_device_that_refuses_is_a_finding()
    {
        var refuse = (int*)NativeLibrary.GetExport(library, "refuse_contexts");
        *refuse = 1;
        var opened = CudaDriver.TryOpen(out var refused, out var obstacle);
        *refuse = 0;

        Assert.That(opened, Is.False);
        Assert.That(refused, Is.Null);
        Assert.That(obstacle!.Obstacle, Is.EqualTo(CudaObstacle.DeviceUnusable));
        Assert.That(obstacle.Message, Does.StartWith("GPU 0 can't be used: ").And.Contain("out of memory"));
    }

    [Test]
    public void The_primary_context_is_retained_once_and_given_back_once()
    {
        Assert.That(Call<int, int>("fake_retained")(0), Is.EqualTo(1));

        driver.Dispose();
        driver.Dispose();

        Assert.That(Call<int, int>("fake_retained")(0), Is.EqualTo(0));
        Assert.That(() => driver.Allocate(1), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void The_context_is_made_current_on_the_threads_that_call()
    {
        var failure = (Exception?)null;
        var current = (nint)0;
        var thread = new Thread(() =>
        {
            try
            {
                driver.Free(driver.Allocate(16));
                current = Current();
            }
            catch (CudaException e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();

        Assert.That(failure, Is.Null);
        Assert.That(current, Is.EqualTo(driver.Context));
    }

    [Test]
    public void The_context_of_another_device_is_put_back()
    {
        const nint other = 0x1001;
        SetCurrent(other);

        driver.Free(driver.Allocate(16));

        Assert.That(Current(), Is.EqualTo(other));
    }

    [Test]
    public void A_kernel_gets_its_arguments_grid_and_stream()
    {
        float[] x = [1, 2, 3, 4, 5];
        float[] y = [10, 20, 30, 40, 50];
        var device_x = Upload(x);
        var device_y = Upload(y);
        using var kernels = new LoadedText(driver, "axpy");
        var stream = DriverTiming.CreateStream(driver);

        driver.Launch(kernels.Axpy, new(3, 2), new(128, 1, 2), stream, device_y, device_x, 0.5f, 4L);

        var result = new float[5];
        driver.CopyToHost(MemoryMarshal.AsBytes(result.AsSpan()), device_y, stream);
        Assert.That(result, Is.EqualTo((float[])[10.5f, 21, 31.5f, 42, 50]));
        var launched = new Span<uint>((void*)NativeLibrary.GetExport(library, "last_launch"), 7);
        Assert.That(launched.ToArray(), Is.EqualTo((uint[])[3, 2, 1, 128, 1, 2, 0]));
        Assert.That(*(nint*)NativeLibrary.GetExport(library, "last_stream"), Is.EqualTo(stream));
        DriverTiming.DestroyStream(stream);
    }

    [Test]
    public void A_launch_allocates_nothing()
    {
        using var kernels = new LoadedText(driver, "plain");
        var kernel = kernels.Kernel("plain");
        var table = new Table { First = 1, Second = 3 };
        driver.Launch(kernel, new(1), new(1), 0, (nint)1, 2, 3L, 4f, KernelArgument.Structure(&table));
        var before = GC.GetAllocatedBytesForCurrentThread();

        for (var i = 0; i < 100; i++)
        {
            driver.Launch(kernel, new(1), new(1), 0, (nint)1, i, 3L, 4f, KernelArgument.Structure(&table));
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void Much_shared_memory_is_asked_for_before_the_launch()
    {
        using var kernels = new LoadedText(driver, "plain");
        var kernel = kernels.Kernel("plain");

        Assert.That(() => driver.Launch(kernel with { SharedBytes = 100_000 }, new(1), new(1), 0), Throws.Nothing);
        Assert.That(() => driver.Launch(kernel with { SharedBytes = 60_000 }, new(1), new(1), 0), Throws.Nothing);
        Assert.That(
            () => driver.Launch(kernel with { SharedBytes = 300_000 }, new(1), new(1), 0),
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
        using var kernels = new LoadedText(driver, "plain");

        Assert.That(
            () => driver.Launch(kernels.Kernel("plain"), new(0), new(256), 0),
            Throws
                .TypeOf<CudaException>()
                .With.Message.StartsWith("cuLaunchKernel of plain with grid (0, 1, 1), block (256, 1, 1)")
        );
    }

    [Test]
    public void Resources_are_those_of_the_function()
    {
        using var kernels = new LoadedText(driver, "plain");

        Assert.That(kernels.Kernel("plain").Resources, Is.EqualTo(new KernelResources(40, 1024, 8, 64, 512)));
    }

    [Test]
    public void A_kernel_that_is_not_in_the_module_is_named_with_the_module()
    {
        using var kernels = new LoadedText(driver, "plain");

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
        var thrown = Assert.Throws<CudaException>(() => driver.LoadModule("refuse this"u8, "broken.cu"))!;

        Assert.That(thrown.Call, Is.EqualTo("cuModuleLoadDataEx of broken.cu on Imaginary 0"));
        Assert.That(thrown.ErrorName, Is.EqualTo("CUDA_ERROR_INVALID_PTX"));
        Assert.That(thrown.Log, Is.EqualTo("ptxas: line 7: no such instruction\ninformation"));
        Assert.That(thrown.Message, Does.Contain("line 7"));
    }

    [Test]
    public void Code_of_a_newer_compiler_says_what_to_do()
    {
        Assert.That(
            () => driver.LoadModule("refuse! this"u8, "new.cu"),
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
        var kernels = new LoadedText(driver, "plain");
        Assert.That(Call<int>("fake_loaded_modules")(), Is.EqualTo(before + 1));

        kernels.Dispose();

        Assert.That(Call<int>("fake_loaded_modules")(), Is.EqualTo(before));
    }

    [Test]
    public void Too_large_an_allocation_says_what_was_asked_for_and_what_is_free()
    {
        Assert.That(
            () => driver.Allocate(5L << 40),
            Throws
                .TypeOf<CudaException>()
                .With.Message.StartsWith(
                    "cuMemAlloc of 5120.0 GiB on GPU 0: out of memory; 3.0 GiB of 80.0 GiB are free: "
                )
                .And.Property(nameof(CudaException.ErrorName))
                .EqualTo("CUDA_ERROR_OUT_OF_MEMORY")
        );
    }

    [Test]
    public void Nothing_is_allocated_copied_or_filled_for_no_bytes()
    {
        Assert.That((long)driver.Allocate(0), Is.Zero);
        Assert.That(() => driver.Free(0), Throws.Nothing);
        Assert.That(() => driver.CopyToDevice(0, [], 0), Throws.Nothing);
        Assert.That(() => driver.CopyToHost([], 0, 0), Throws.Nothing);
        Assert.That(() => driver.Fill(0, 1, 0, 0), Throws.Nothing);
        Assert.That(() => driver.Allocate(-1), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void Bytes_are_filled_and_the_device_of_a_pointer_is_told()
    {
        var pointer = driver.Allocate(8);
        driver.Fill(pointer, 0xAB, 8, 0);
        var bytes = new byte[8];
        driver.CopyToHost(bytes, pointer, 0);

        Assert.That(bytes, Has.All.EqualTo(0xAB));
        Assert.That(driver.OrdinalOf(pointer), Is.EqualTo(1));
        Assert.That(driver.OrdinalOf(8), Is.Null);
        driver.Free(pointer);
    }

    [Test]
    public void Events_measure_the_time_between_them()
    {
        var start = DriverTiming.CreateEvent(driver);
        var end = DriverTiming.CreateEvent(driver);

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
        using var kernels = new LoadedText(driver, "axpy");
        var stream = DriverTiming.CreateStream(driver);

        var graph = DriverTiming.CaptureGraph(
            stream,
            () =>
            {
                driver.Launch(kernels.Axpy, new(1), new(32), stream, y, x, 2f, 1L);
                driver.Launch(kernels.Axpy, new(1), new(32), stream, y, x, 3f, 1L);
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
        var stream = DriverTiming.CreateStream(driver);

        Assert.That(
            () => DriverTiming.CaptureGraph(stream, () => throw new InvalidOperationException("stopped")),
            Throws.InvalidOperationException.With.Message.EqualTo("stopped")
        );
        Assert.That(() => driver.Synchronize(stream), Throws.Nothing);
        DriverTiming.DestroyGraph(DriverTiming.CaptureGraph(stream, () => { }));
        DriverTiming.DestroyStream(stream);
    }

    private nint Upload(float[] values)
    {
        var bytes = MemoryMarshal.AsBytes<float>(values);
        var pointer = driver.Allocate(bytes.Length);
        driver.CopyToDevice(pointer, bytes, 0);
        return pointer;
    }

    private float First(nint pointer)
    {
        var value = new float[1];
        driver.CopyToHost(MemoryMarshal.AsBytes(value.AsSpan()), pointer, 0);
        return value[0];
    }

    private nint Current() => Call<nint>("fake_current")();

    private void SetCurrent(nint context) =>
        ((delegate* unmanaged[Cdecl]<nint, void>)NativeLibrary.GetExport(library, "fake_set_current"))(context);

    private delegate* unmanaged[Cdecl]<TResult> Call<TResult>(string name)
        where TResult : unmanaged => (delegate* unmanaged[Cdecl]<TResult>)NativeLibrary.GetExport(library, name);

    private delegate* unmanaged[Cdecl]<T, TResult> Call<T, TResult>(string name)
        where T : unmanaged
        where TResult : unmanaged => (delegate* unmanaged[Cdecl]<T, TResult>)NativeLibrary.GetExport(library, name);

    private struct Table
    {
        public ulong First;
        public int Second;
    }

    /// <summary>A module of a text that names its kernels.</summary>
    private sealed class LoadedText(CudaDriver driver, string text) : IDisposable
    {
        private readonly KernelModule module = new(
            driver,
            "text.cu",
            new(new(9, 0), KernelCodeKind.Ptx),
            new(KernelCodeKind.Ptx, Encoding.UTF8.GetBytes(text), "")
        );

        public Kernel Axpy => Kernel("axpy");

        public Kernel Kernel(string name) => module.Kernel(name);

        public void Dispose() => driver.UnloadModule(module.Handle);
    }
}
