// Kernels take raw pointers, so every mistake must be caught before the first access, with a message that tells the
// caller what was found and what was expected.

namespace FlowBP.Kernels.Tests;

public unsafe class ArgumentTests
{
    private static readonly ILatentKernels[] Implementations = [new ScalarLatentKernels(), new CpuLatentKernels()];

    private static LatentBuffer Buffer(long steps, long batch, long elements, LatentType type = LatentType.Float32) =>
        new(steps * batch * elements == 0 ? null : (void*)64, type, steps, batch, elements);

    [TestCaseSource(nameof(Implementations))]
    public void Indices_out_of_range_are_named(ILatentKernels kernels)
    {
        var x = Buffer(4, 2, 8);
        var v = Buffer(3, 2, 8);
        var xHat = Buffer(1, 2, 8);
        Assert.That(
            () => kernels.Replay(x, [0, 0], v, [0, 1, 2, 3], [1, 1, 1, 1], xHat),
            Throws.ArgumentException.With.Message.EqualTo("index_BK[1, 1] is 3; v_TBE has 3 steps")
        );
        Assert.That(
            () => kernels.Replay(x, [0, 0], v, [0, -1, 2, 0], [1, 1, 1, 1], xHat),
            Throws.ArgumentException.With.Message.EqualTo("index_BK[0, 1] is -1; v_TBE has 3 steps")
        );
        Assert.That(
            () => kernels.Replay(x, [0, 4], v, [], [], xHat),
            Throws.ArgumentException.With.Message.EqualTo("start_B[1] is 4; x_TBE has 4 steps")
        );
        Assert.That(
            () => kernels.QuadratureResidual(x, [0, 0], v, [], [], [-1, 0], new double[2]),
            Throws.ArgumentException.With.Message.EqualTo("target_B[0] is -1; x_TBE has 4 steps")
        );
    }

    [TestCaseSource(nameof(Implementations))]
    public void Shapes_that_do_not_fit_are_named(ILatentKernels kernels)
    {
        var x = Buffer(4, 2, 8);
        var v = Buffer(3, 2, 8);
        var xHat = Buffer(1, 2, 8);
        Rejects(
            () => kernels.Replay(x, [0, 0], Buffer(3, 2, 9), [], [], xHat),
            "v_TBE is Float32[3, 2, 9]; expected Float32[T, 2, 8] to go with x_TBE"
        );
        Rejects(
            () => kernels.Replay(x, [0, 0], Buffer(3, 2, 8, LatentType.BFloat16), [], [], xHat),
            "v_TBE is BFloat16[3, 2, 8]; expected Float32[T, 2, 8] to go with x_TBE"
        );
        Rejects(
            () => kernels.Replay(x, [0, 0], v, [], [], Buffer(2, 2, 8)),
            "out_BE is Float32[2, 2, 8]; expected Float32[1, 2, 8]"
        );
        Rejects(() => kernels.Replay(x, [0], v, [], [], xHat), "start_B has 1 values for a batch of 2");
        Rejects(() => kernels.Replay(x, [0, 0], v, [0, 0], [1], xHat), "weight_BK has 1 values for 2 in index_BK");
        Rejects(
            () => kernels.Replay(x, [0, 0], v, [0, 0, 0], [1, 1, 1], xHat),
            "index_BK has 3 values, which is no multiple of the batch size 2"
        );
        Rejects(
            () => kernels.QuadratureResidual(x, [0, 0], v, [], [], [0, 0], new double[3]),
            "residual_B has 3 values for a batch of 2"
        );
        Rejects(
            () => kernels.ScaleCotangent(xHat, [1, 1], Buffer(1, 2, 8, LatentType.Float64)),
            "g_BE is Float32[1, 2, 8] and u_BE is Float64[1, 2, 8]; expected both [1, B, E], and both or neither Float64"
        );
        Rejects(() => kernels.ScaleCotangent(xHat, [1], xHat), "scale_B has 1 values for a batch of 2");
        Rejects(
            () => kernels.Replay(x, [0, 0], v, [], [], new LatentBuffer(null, LatentType.Float32, 1, 2, 8)),
            "out_BE has a null pointer for 16 elements of Float32"
        );
        Rejects(
            () => kernels.Replay(new LatentBuffer((void*)64, (LatentType)9, 1, 1, 1), [0], v, [], [], xHat),
            "x_TBE is 9[1, 1, 1], which is no latent buffer"
        );
        Rejects(
            () => kernels.Replay(new LatentBuffer((void*)64, LatentType.Float32, -1, 1, 1), [0], v, [], [], xHat),
            "x_TBE is Float32[-1, 1, 1], which is no latent buffer"
        );
    }

    [TestCaseSource(nameof(Implementations))]
    public void Optimizer_steps_that_make_no_sense_are_rejected(ILatentKernels kernels)
    {
        var step = new AdamWEmaStep(1, 1e-3, 0.9, 0.999, 1e-8, 0, 0.995);
        Rejects(() => kernels.AdamWEma([], step with { Step = 0 }), "the optimizer's steps count from 1; found step 0");
        Rejects(() => kernels.AdamWEma([], step with { Beta1 = 1 }), "beta1 is 1; expected a number in [0, 1)");
        Rejects(
            () => kernels.AdamWEma([], step with { Beta2 = double.NaN }),
            "beta2 is NaN; expected a number in [0, 1)"
        );
        Rejects(
            () => kernels.AdamWEma([], step with { GradientFactor = AdamWEmaStep.ClipFactor(double.NaN, 1) }),
            "the gradient factor is NaN; expected a finite number"
        );
        Rejects(
            () => kernels.AdamWEma([], step with { LearningRate = double.PositiveInfinity }),
            $"the learning rate is {double.PositiveInfinity}; expected a finite number"
        );
        Rejects(
            () => kernels.AdamWEma([], step with { EmaDecay = 1.5 }),
            "the EMA decay is 1.5; expected a number in [0, 1]"
        );
        Rejects(
            () => kernels.AdamWEma([Tensor(LatentType.BFloat16, 4)], step),
            "tensor 0 is BFloat16[4]; parameters are updated in Float32 or Float64"
        );
        Rejects(
            () => kernels.AdamWEma([Tensor(LatentType.Float32, 0), Tensor(LatentType.Float32, 4)], step),
            "the parameter of tensor 1 has a null pointer for 4 elements of Float32"
        );
        Rejects(
            () => kernels.SquaredNorm([new GradientBuffer(null, LatentType.Float32, 4)]),
            "gradient 0 has a null pointer for 4 elements of Float32"
        );
        Rejects(
            () => kernels.SquaredNorms([new GradientBuffer(null, LatentType.Float32, 0)], []),
            "0 results for 1 gradients"
        );

        static AdamWEmaTensor Tensor(LatentType type, long count) =>
            new()
            {
                Type = type,
                Count = count,
                Parameter = null,
                Gradient = null,
                ExpAvg = null,
                ExpAvgSq = null,
            };
    }

    [Test]
    public void A_step_of_a_buffer_is_a_view_of_its_memory()
    {
        var x = Buffer(4, 2, 8, LatentType.BFloat16);
        Assert.That((nint)x.AtStep(3).Pointer, Is.EqualTo((nint)x.Pointer + (3 * 2 * 8 * 2)));
        Assert.That(x.AtStep(3).ToString(), Is.EqualTo("BFloat16[1, 2, 8]"));
        Assert.Throws<ArgumentOutOfRangeException>(() => x.AtStep(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => x.AtStep(-1));
    }

    private static void Rejects(Action call, string message) =>
        Assert.That(() => call(), Throws.ArgumentException.With.Message.EqualTo(message));
}
