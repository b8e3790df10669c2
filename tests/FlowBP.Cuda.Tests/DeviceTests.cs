// The real driver on a real GPU, where there is one: the same kernel that the fake driver imitates.

using System.Runtime.InteropServices;

namespace FlowBP.Cuda.Tests;

public class DeviceTests
{
    private const int Count = 10_007;

    private CudaDriver driver = null!;
    private KernelLibrary kernels = null!;
    private TemporaryFolder folder = null!;
    private nint x;
    private nint y;

    [OneTimeSetUp]
    public void Open()
    {
        folder = new TemporaryFolder();
        driver = Requirement.Driver();
        kernels = new(driver, TestKernels.Sources, Requirement.Compiler(), new(folder.Path("cache")));
    }

    [OneTimeTearDown]
    public void Close()
    {
        kernels?.Dispose();
        driver?.Dispose();
        folder.Dispose();
    }

    [SetUp]
    public void Fill()
    {
        x = Upload([.. Enumerable.Range(0, Count).Select(i => i * 0.25f)]);
        y = Upload([.. Enumerable.Range(0, Count).Select(i => 1f - i)]);
    }

    [TearDown]
    public void Free()
    {
        driver.Free(x);
        driver.Free(y);
    }

    [Test]
    public void A_kernel_computes_on_the_device()
    {
        Launch(0);

        Assert.That(
            Download(y),
            Is.EqualTo(Enumerable.Range(0, Count).Select(i => MathF.FusedMultiplyAdd(3, i * 0.25f, 1f - i)))
        );
    }

    [Test]
    public void A_captured_graph_computes_the_same()
    {
        var stream = DriverTiming.CreateStream(driver);
        // Loaded before: a module may not be loaded within a capture.
        _ = kernels.Kernel("axpy.cu", "axpy").Resources;
        var graph = DriverTiming.CaptureGraph(stream, () => Launch(stream));

        DriverTiming.LaunchGraph(graph, stream);
        driver.Synchronize(stream);

        Assert.That(
            Download(y),
            Is.EqualTo(Enumerable.Range(0, Count).Select(i => MathF.FusedMultiplyAdd(3, i * 0.25f, 1f - i)))
        );
        DriverTiming.DestroyGraph(graph);
        DriverTiming.DestroyStream(stream);
    }

    [Test]
    public void Events_give_a_time_that_is_not_negative()
    {
        var start = DriverTiming.CreateEvent(driver);
        var end = DriverTiming.CreateEvent(driver);
        DriverTiming.RecordEvent(start, 0);
        Launch(0);
        DriverTiming.RecordEvent(end, 0);

        Assert.That(DriverTiming.ElapsedMilliseconds(start, end), Is.GreaterThanOrEqualTo(0));
        DriverTiming.DestroyEvent(start);
        DriverTiming.DestroyEvent(end);
    }

    [Test]
    public void The_compiler_reports_what_the_kernel_needs()
    {
        var resources = kernels.Kernel("axpy.cu", "axpy").Resources;

        Assert.That(resources.Registers, Is.InRange(1, 255));
        Assert.That(resources.LocalBytes, Is.Zero);
    }

    [Test]
    public void More_memory_than_the_device_has_is_an_error_that_says_how_much()
    {
        Assert.That(
            () => driver.Allocate(8L << 40),
            Throws.TypeOf<CudaException>().With.Message.Contains("8192.0 GiB").And.Message.Contains("are free")
        );
    }

    [Test]
    public void Ptx_that_is_none_is_an_error_with_the_name_of_the_code()
    {
        Assert.That(
            () => driver.LoadModule(".version 7.0 .target sm_80 nonsense"u8, "nonsense.cu"),
            Throws.TypeOf<CudaException>().With.Message.Contains("nonsense.cu")
        );
    }

    [Test]
    public void A_pointer_lies_on_its_device()
    {
        Assert.That(driver.OrdinalOf(x), Is.EqualTo(driver.Ordinal));
    }

    private void Launch(nint stream) =>
        driver.Launch(
            kernels.Kernel("axpy.cu", "axpy"),
            new((Count + 255) / 256),
            new(256),
            stream,
            y,
            x,
            3f,
            (long)Count
        );

    private nint Upload(float[] values)
    {
        var bytes = MemoryMarshal.AsBytes<float>(values);
        var pointer = driver.Allocate(bytes.Length);
        driver.CopyToDevice(pointer, bytes, 0);
        return pointer;
    }

    private float[] Download(nint pointer)
    {
        var values = new float[Count];
        driver.CopyToHost(MemoryMarshal.AsBytes(values.AsSpan()), pointer, 0);
        return values;
    }
}
