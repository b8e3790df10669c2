// What doesn't fit is refused before anything reaches the device, with a message that says what was found and what was expected.

namespace FlowBP.Kernels.Cuda.Tests;

public unsafe class CudaArgumentTests
{
    private static readonly float* Somewhere = (float*)0x1000;

    private EmulatedDriver _driver = null!;
    private CudaLatentKernels _latents = null!;
    private CudaRolloutKernels _rollout = null!;

    [SetUp]
    public void Open()
    {
        _driver = new("forward");
        _latents = new(_driver, _driver.Kernel, stream: () => 0);
        _rollout = new(_driver, _driver.Kernel, stream: () => 0);
    }

    [TearDown]
    public void Close()
    {
        Assert.That(_driver.Launches, Is.Zero);
        _latents.Dispose();
    }

    private static TokenBuffer Tokens(LatentType type, long batch, long tokens, long width, bool missing = false) =>
        new(missing ? null : Somewhere, type, batch, tokens, width);

    private static ModulationBuffer Modulation(LatentType type, long batch, long width) =>
        new(Somewhere, type, batch, width, width);

    private static HeadBuffer Heads(LatentType type, int width, int heads = 2) =>
        HeadBuffer.Contiguous(Somewhere, type, 1, 3, heads, width);

    private static LatentBuffer Latents(LatentType type, long batch, long elements, long steps = 1) =>
        new(Somewhere, type, steps, batch, elements);

    [Test]
    public void The_latent_kernels_check_what_the_cpu_checks()
    {
        var x = Latents(LatentType.Float32, 2, 8, steps: 3);
        Assert.That(
            () => _latents.Replay(x, [0, 3], x, [], [], x.AtStep(1)),
            Throws.ArgumentException.With.Message.Contains("start_B[1] is 3; x_TBE has 3 steps")
        );
        Assert.That(
            () => _latents.ScaleCotangent(x.AtStep(0), [1, 1], Latents(LatentType.Float64, 2, 8)),
            Throws.ArgumentException.With.Message.Contains("both or neither Float64")
        );
        Assert.That(
            () => _latents.SquaredNorm([new(null, LatentType.Float32, 1)]),
            Throws.ArgumentException.With.Message.Contains("null pointer")
        );
        Assert.That(
            () => _latents.AdamWEma([], new(1, 1e-3, 0.9, 0.999, 1e-8, 0, 0.99, GradientFactor: double.NaN)),
            Throws.ArgumentException.With.Message.Contains("gradient factor")
        );
    }

    [Test]
    public void Nothing_is_launched_for_nothing()
    {
        _latents.Replay(
            Latents(LatentType.Float32, 0, 8),
            [],
            Latents(LatentType.Float32, 0, 8),
            [],
            [],
            Latents(LatentType.Float32, 0, 8)
        );
        _latents.ScaleCotangent(Latents(LatentType.Float32, 2, 0), [1, 1], Latents(LatentType.Float32, 2, 0));
        Assert.That(_latents.SquaredNorm([]), Is.Zero);
        _rollout.GatedResidual(
            Tokens(LatentType.Float32, 2, 0, 8),
            Modulation(LatentType.Float32, 2, 8),
            Tokens(LatentType.Float32, 2, 0, 8),
            Tokens(LatentType.Float32, 2, 0, 8)
        );
        var heads = Heads(LatentType.Float32, 8, heads: 0);
        _rollout.QkNormRope(heads, null, null, null, 1e-6, heads);
    }

    [Test]
    public void Tokens_and_modulations_must_fit()
    {
        var x = Tokens(LatentType.BFloat16, 2, 3, 8);
        var modulation = Modulation(LatentType.BFloat16, 2, 8);
        Assert.That(
            () => _rollout.AdalnModulate(x, modulation, Modulation(LatentType.BFloat16, 2, 16), 1e-6, x),
            Throws.ArgumentException.With.Message.Contains("shift_BD is BFloat16[2, 16]")
        );
        Assert.That(
            () => _rollout.AdalnModulate(x, Modulation(LatentType.Float32, 2, 8), modulation, 1e-6, x),
            Throws.ArgumentException.With.Message.Contains("scale_BD is Float32[2, 8]")
        );
        Assert.That(
            () => _rollout.GatedResidual(x, modulation, x, Tokens(LatentType.BFloat16, 2, 4, 8)),
            Throws.ArgumentException.With.Message.Contains("out_BLD is BFloat16[2, 4, 8]")
        );
        Assert.That(
            () => _rollout.GatedResidual(x, modulation, Tokens(LatentType.BFloat16, 2, 3, 8, missing: true), x),
            Throws.ArgumentException.With.Message.Contains("y_BLD")
        );
        var wide = Tokens(LatentType.Float64, 2, 3, 8);
        Assert.That(
            () => _rollout.AdalnModulate(wide, modulation, modulation, 1e-6, wide),
            Throws.ArgumentException.With.Message.Contains("expected Float32 or BFloat16")
        );
    }

    [Test]
    public void Heads_and_rotations_must_fit()
    {
        var x = Heads(LatentType.Float32, 7);
        Assert.That(
            () => _rollout.QkNormRope(x, null, Somewhere, Somewhere, 1e-6, x),
            Throws.ArgumentException.With.Message.Contains("heads of width 7")
        );
        Assert.That(
            () => _rollout.QkNormRope(x, null, Somewhere, null, 1e-6, x),
            Throws.ArgumentException.With.Message.Contains("one of the two is missing")
        );
        Assert.That(
            () => _rollout.QkNormRope(x, null, null, null, 1e-6, Heads(LatentType.Float32, 8)),
            Throws.ArgumentException.With.Message.Contains("out_BLHK")
        );
    }

    [Test]
    public void Samples_of_a_guided_step_must_be_there_once()
    {
        var output = Latents(LatentType.Float32, 2, 8);
        var cache = Latents(LatentType.BFloat16, 3, 8);
        Assert.That(
            () => _rollout.GuidedEulerStep(output, null, 1, [1, 1], cache, 0.1, cache, cache),
            Throws.ArgumentException.With.Message.Contains("sample_N[1] is 1")
        );
        Assert.That(
            () => _rollout.GuidedEulerStep(output, null, 1, [0, 3], cache, 0.1, cache, cache),
            Throws.ArgumentException.With.Message.Contains("sample_N[1] is 3")
        );
        Assert.That(
            () => _rollout.GuidedEulerStep(output, null, 1, [0], cache, 0.1, cache, cache),
            Throws.ArgumentException.With.Message.Contains("expected [1, 1, 8]")
        );
        Assert.That(
            () => _rollout.GuidedEulerStep(output, cache, 1, [0, 1], cache, 0.1, cache, cache),
            Throws.ArgumentException.With.Message.Contains("negative_NE is BFloat16[1, 3, 8]")
        );
    }
}
