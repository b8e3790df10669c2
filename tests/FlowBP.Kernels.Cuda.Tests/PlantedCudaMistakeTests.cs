// A test of the tests: kernels with one mistake each (tests/planted), and the layers that must find it. What a layer doesn't find
// is stated too, so that nobody relies on it.

namespace FlowBP.Kernels.Cuda.Tests;

public class PlantedCudaMistakeTests
{
    // A launch of a planted kernel: its buffers, of so many numbers counting from 1 (null: the one before, again), and whole
    // numbers that follow them.
    private sealed record Planted(string Kernel, Dim3 Grid, Dim3 Block, int?[] Buffers, params int[] Numbers);

    private static readonly Planted OutOfBounds = new("planted_out_of_bounds", new(1), new(64), [64, 64], 63 + 1);
    private static readonly Planted MissingBarrier = new("planted_missing_barrier", new(2), new(64), [128, 128]);
    private static readonly Planted MissingFence = new("planted_missing_fence", new(4), new(32), [128, 4, 0, 1]);
    private static readonly Planted Uninitialised = new("planted_uninitialised_shared", new(1), new(64), [64, 1]);
    private static readonly Planted InPlace = new("planted_restrict_in_place", new(2), new(64), [128, null], 128);
    private static readonly Planted Divergent = new("planted_divergent_barrier", new(1), new(64), [64, 64]);

    [Test]
    public void An_access_out_of_bounds_is_found_by_the_address_sanitizer() =>
        AssertFound(OutOfBounds with { Block = new(65) }, Sanitizer.Address, "heap-buffer-overflow");

    [Test]
    public void A_missing_barrier_is_found_by_the_thread_sanitizer() =>
        AssertFound(MissingBarrier, Sanitizer.Thread, "data race");

    [Test]
    public void A_missing_barrier_is_found_by_the_order_of_threads() =>
        Assert.That(Result(MissingBarrier, "forward"), Is.Not.EqualTo(Result(MissingBarrier, "reverse")));

    [Test]
    public void A_missing_fence_is_found_by_the_thread_sanitizer() =>
        AssertFound(MissingFence, Sanitizer.Thread, "data race");

    [Test]
    public void Uninitialised_shared_memory_is_found_by_its_poison() =>
        Assert.That(
            Result(Uninitialised, "forward", poison: 0xFF),
            Is.Not.EqualTo(Result(Uninitialised, "forward", poison: 0x41))
        );

    [Test]
    public void Writing_in_place_what_is_read_as_constant_is_found_by_the_thread_sanitizer() =>
        AssertFound(InPlace, Sanitizer.Thread, "data race");

    [Test]
    public void Writing_in_place_what_is_read_as_constant_is_found_by_the_order_of_threads() =>
        Assert.That(Result(InPlace, "forward"), Is.Not.EqualTo(Result(InPlace, "reverse")));

    [Test]
    public void A_divergent_barrier_is_found_by_the_emulation() =>
        Assert.That(
            () => Result(Divergent, "forward"),
            Throws
                .TypeOf<CudaException>()
                .With.Message.Contains("__syncthreads is not reached by all threads")
                .And.Message.Contains("divergent_barrier.cu")
        );

    [Test]
    public void A_launch_that_no_device_could_do_is_refused() =>
        Assert.That(
            () => Result(OutOfBounds with { Block = new(1025) }, "forward"),
            Throws.TypeOf<CudaException>().With.Message.Contains("no launch can have")
        );

    [Test]
    public void A_missing_fence_shows_in_no_number() =>
        // On this machine a thread's writes become visible in order.
        Assert.That(Result(MissingFence, "forward"), Is.EqualTo(Result(MissingFence, "reverse")));

    private static void AssertFound(Planted planted, Sanitizer sanitizer, string complaint)
    {
        using var record = new LaunchRecord();
        Result(planted, "forward", record: record);
        var (exitCode, output) = record.Play(sanitizer, "forward");
        Assert.That(exitCode, Is.Not.Zero, output);
        Assert.That(output, Does.Contain(complaint).And.Contain($"{planted.Kernel["planted_".Length..]}.cu"));
    }

    // Contents of all buffers after the launch.
    private static unsafe string Result(
        Planted planted,
        string schedule,
        byte poison = 0xFF,
        LaunchRecord? record = null
    )
    {
        var driver = new EmulatedDriver(schedule, poison, record);
        List<DeviceLatents> buffers = [];
        List<KernelArgument> values = [];
        foreach (var size in planted.Buffers)
        {
            if (size is { } count)
            {
                // A counter is one zero.
                using var host = new TestLatents(LatentType.Float32, 1, 1, Math.Max(1, count));
                buffers.Add(new(driver, host.Fill((_, _, e) => count == 0 ? 0 : e + 1)));
            }
            values.Add((nint)buffers[^1].Pointer);
        }
        values.AddRange(planted.Numbers.Select(number => (KernelArgument)number));
        driver.Launch(driver.Kernel(planted.Kernel), planted.Grid, planted.Block, stream: 0, [.. values]);
        var result = string.Join(" ", buffers.SelectMany(buffer => buffer.Bits()));
        if (planted.Kernel != OutOfBounds.Kernel)
        {
            buffers.ForEach(buffer => buffer.Dispose());
        }
        return result;
    }
}
