namespace FlowBP.Cuda.Interpreter.Tests;

public class StreamOrderTests
{
    private static readonly string s_copy = Ptx.Kernel(
        2,
        """
            ld.global.f32 %f1, [%rd20];
            st.global.f32 [%rd21], %f1;
        """
    );

    [Test]
    public void Work_on_one_stream_needs_no_waiting()
    {
        using var device = new TestDevice();
        var kernel = device.Load(s_copy);
        var (a, b, c) = (device.New<float>(1), device.New<float>(1), device.New<float>(1));
        device.Driver.Fill(a, 1, 4, 7);
        device.Launch(kernel, new(1), new(1), 0, 7, a, b);
        device.Launch(kernel, new(1), new(1), 0, 7, b, c);
        Assert.That(() => device.Launch(kernel, new(1), new(1), 0, 7, a, b), Throws.Nothing);
    }

    [Test]
    public void Reading_what_another_stream_writes_is_found()
    {
        using var device = new TestDevice();
        var kernel = device.Load(s_copy);
        var (a, b, c) = (device.Upload(1f), device.New<float>(1), device.New<float>(1));
        device.Driver.Synchronize(0);
        device.Launch(kernel, new(1), new(1), 0, 7, a, b);
        Assert.That(
            () => device.Launch(kernel, new(1), new(1), 0, 8, b, c),
            Throw.Finding(
                Finding.StreamOrder,
                "kernel kernel on stream 0x8",
                "allocation 2",
                "written by kernel kernel on stream 0x7"
            )
        );
    }

    [Test]
    public void Waiting_for_the_other_stream_is_enough()
    {
        using var device = new TestDevice();
        var kernel = device.Load(s_copy);
        var (a, b, c) = (device.Upload(1f), device.New<float>(1), device.New<float>(1));
        device.Driver.Synchronize(0);
        device.Launch(kernel, new(1), new(1), 0, 7, a, b);
        device.Driver.Synchronize(7);
        Assert.That(() => device.Launch(kernel, new(1), new(1), 0, 8, b, c), Throws.Nothing);
    }

    [Test]
    public void Overwriting_what_another_stream_reads_is_found()
    {
        using var device = new TestDevice();
        var kernel = device.Load(s_copy);
        var (a, b) = (device.Upload(1f), device.New<float>(1));
        device.Driver.Synchronize(0);
        device.Launch(kernel, new(1), new(1), 0, 7, a, b);
        Assert.That(
            () => device.Driver.Fill(a, 0, 4, 8),
            Throw.Finding(Finding.StreamOrder, "a fill on stream 0x8", "read by kernel kernel on stream 0x7")
        );
    }

    [Test]
    public void Two_streams_may_read_the_same()
    {
        using var device = new TestDevice();
        var kernel = device.Load(s_copy);
        var (a, b, c) = (device.Upload(1f), device.New<float>(1), device.New<float>(1));
        device.Driver.Synchronize(0);
        device.Launch(kernel, new(1), new(1), 0, 7, a, b);
        Assert.That(() => device.Launch(kernel, new(1), new(1), 0, 8, a, c), Throws.Nothing);
    }

    [Test]
    public unsafe void Memory_of_the_host_may_take_part()
    {
        using var device = new TestDevice();
        var host = new float[] { 3, 0 };
        fixed (float* fixedHost = host)
        {
            var pointer = (nint)fixedHost;
            device.Driver.MapHostMemory(pointer, 8);
            device.Run(
                Ptx.Kernel(1, "    ld.global.f32 %f1, [%rd0];\n    st.global.f32 [%rd0+4], %f1;"),
                new(1),
                new(1),
                pointer
            );
            device.Driver.UnmapHostMemory(pointer);
            Assert.That(
                () => device.Run(Ptx.Kernel(1, "    ld.global.f32 %f1, [%rd0];"), new(1), new(1), pointer),
                Throw.Finding(Finding.OutOfBounds)
            );
        }
        Assert.That(host[1], Is.EqualTo(3));
    }
}
