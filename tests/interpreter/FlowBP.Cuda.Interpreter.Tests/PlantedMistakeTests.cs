// The tests of the tests: kernels with one mistake each, compiled by NVRTC, in which the interpreter must find that mistake.
// Each mistake has a twin without it, launched in the right way or corrected in the text, in which nothing must be found.

namespace FlowBP.Cuda.Interpreter.Tests;

public class PlantedMistakeTests
{
    [Test]
    public void An_access_out_of_bounds_is_found()
    {
        using var device = new TestDevice();
        var kernel = Load(device, "out_of_bounds");
        var values = device.Upload(new float[100]);
        Assert.That(
            () => device.Launch(kernel, new(1), new(128), 0, 0, values, device.New<float>(100), 100),
            Throw.Finding(
                Finding.OutOfBounds,
                "thread (100, 0, 0)",
                "out_of_bounds.cu:5",
                "0 bytes past the end of allocation 1 (400 bytes)"
            )
        );
        Assert.That(
            () => device.Launch(kernel, new(1), new(128), 0, 0, values, device.New<float>(100), 99),
            Throws.Nothing
        );
    }

    [Test]
    public void A_missing_barrier_is_found()
    {
        using var device = new TestDevice();
        var values = device.Upload(new float[128]);
        var reversed = device.New<float>(128);
        Assert.That(
            () => device.Launch(Load(device, "missing_barrier"), new(2), new(64), 0, 0, values, reversed),
            Throw.Finding(Finding.Uninitialized, "part"),
            "the other half of the block hasn't run yet"
        );
        // Where everything happens to be there already, and the numbers are right, the race shows.
        Assert.That(
            () =>
                device.Launch(
                    Load(device, "missing_barrier", ("63 - threadIdx.x", "threadIdx.x / 2")),
                    new(2),
                    new(64),
                    0,
                    0,
                    values,
                    reversed
                ),
            Throw.Finding(Finding.Race, "no barrier lies between", "missing_barrier.cu:8")
        );
        var corrected = Load(device, "missing_barrier", ("out[first", "__syncthreads(); out[first"));
        Assert.That(() => device.Launch(corrected, new(2), new(64), 0, 0, values, reversed), Throws.Nothing);
    }

    [Test]
    public void A_missing_fence_is_found()
    {
        using var device = new TestDevice();
        var values = device.Upload(Enumerable.Repeat(1f, 64).ToArray());
        Assert.That(
            () => Run(Load(device, "missing_fence")),
            Throw.Finding(
                Finding.Race,
                "block (3, 0, 0)",
                "thread (0, 0, 0) of block (0, 0, 0) wrote",
                "no fences and atomics order the two blocks"
            )
        );
        var corrected = Load(
            device,
            "missing_fence",
            ("if (atomicInc", "__threadfence(); if (atomicInc"),
            ("float total = 0;", "float total = 0; __threadfence();")
        );
        Assert.That(Run(corrected), Is.EqualTo(64));

        float Run(nint kernel)
        {
            var sum = device.New<float>(1);
            device.Launch(kernel, new(4), new(16), 0, 0, values, device.New<float>(4), device.Upload(0u), sum);
            return device.Download<float>(sum, 1)[0];
        }
    }

    [Test]
    public void Unwritten_shared_memory_is_found()
    {
        using var device = new TestDevice();
        var values = device.Upload(Enumerable.Repeat(1f, 1024).ToArray());
        var kernel = Load(device, "uninitialised_shared");
        var sum = device.New<float>(1);
        Assert.That(
            () => device.Launch(kernel, new(1), new(64), 0, 0, values, sum),
            Throw.Finding(Finding.Uninitialized, "which nothing has written", "uninitialised_shared.cu:")
        );
        // A block that has as many warps as the kernel adds up.
        device.Launch(kernel, new(1), new(1024), 0, 0, values, sum);
        Assert.That(device.Download<float>(sum, 1)[0], Is.EqualTo(1024));
    }

    [Test]
    public void Writing_what_was_promised_to_be_read_only_is_found()
    {
        using var device = new TestDevice();
        var kernel = Load(device, "restrict_in_place");
        var values = device.Upload(new float[64]);
        Assert.That(
            () => device.Launch(kernel, new(1), new(64), 0, 0, values, values, 64),
            Throw.Finding(Finding.BrokenReadOnlyPromise, "const __restrict__", "restrict_in_place.cu:6")
        );
        Assert.That(
            () => device.Launch(kernel, new(1), new(64), 0, 0, values, device.New<float>(64), 64),
            Throws.Nothing
        );
    }

    [Test]
    public void A_divergent_barrier_is_found()
    {
        using var device = new TestDevice();
        var kernel = Load(device, "divergent_barrier");
        var values = device.Upload(new float[64]);
        Assert.That(
            () => device.Launch(kernel, new(1), new(64), 0, 0, values, device.New<float>(64)),
            Throws
                .TypeOf<InterpreterException>()
                .With.Property(nameof(InterpreterException.Finding))
                .AnyOf(Finding.DivergentBarrier, Finding.Race)
        );
    }

    [Test]
    public void Every_planted_mistake_has_a_test()
    {
        var names = Directory.GetFiles(CudaSource.PlantedFolder, "*.cu").Select(Path.GetFileNameWithoutExtension);
        Assert.That(
            names,
            Is.EquivalentTo(
                new[]
                {
                    "divergent_barrier",
                    "missing_barrier",
                    "missing_fence",
                    "out_of_bounds",
                    "restrict_in_place",
                    "uninitialised_shared",
                }
            )
        );
    }

    /// <summary>The planted kernel, with parts of its text replaced.</summary>
    private static nint Load(TestDevice device, string name, params (string Old, string New)[] corrections) =>
        device.Load(CudaSource.CompilePlanted(name, corrections), $"planted_{name}");
}
