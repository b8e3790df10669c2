// The scalar reference of the rollout's operations against the formulas in doubles. Everything else is compared with the
// reference bit for bit, so these bounds hold for the GPU too.

namespace FlowBP.Kernels.Cuda.Tests;

public unsafe class RolloutReferenceTests
{
    // Half a unit of the storage type, relative; and what binary32 arithmetic adds: some ten operations in a chain, and a mean
    // of D numbers whose sum was rounded D / 32 + 5 times, together below 2^-24 · (D / 32 + 32) of the largest term.
    private static double Bound(LatentType type, double exact, double largestTerm, int width) =>
        (type == LatentType.BFloat16 ? Math.ScaleB(Math.Abs(exact), -8) : 0)
        + (Math.ScaleB(largestTerm, -24) * ((width / 32.0) + 32));

    private static readonly LatentType[] Types = [LatentType.BFloat16, LatentType.Float32];

    [Test]
    public void A_modulated_norm_is_that_of_the_formula(
        [ValueSource(nameof(Types))] LatentType type,
        [Values(1, 7, 64, 1536, 3080)] int width
    )
    {
        using var x = new TestLatents(type, 1, 2, width).Fill((_, l, d) => 3 + (Math.Sin((d * 7) + l) * (1 + (d % 5))));
        using var scale = new TestLatents(type, 1, 1, width).FillNormal(2);
        using var shift = new TestLatents(type, 1, 1, width).FillNormal(3);
        using var result = new TestLatents(type, 1, 2, width);
        new ScalarRolloutKernels().AdalnModulate(
            new(x.Buffer.Pointer, type, 1, 2, width),
            new(scale.Buffer.Pointer, type, 1, width, width),
            new(shift.Buffer.Pointer, type, 1, width, width),
            1e-6,
            new(result.Buffer.Pointer, type, 1, 2, width)
        );
        for (var l = 0; l < 2; l++)
        {
            var row = Enumerable.Range(0, width).Select(d => x[0, l, d]).ToArray();
            var mean = row.Average();
            var deviation = Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + 1e-6);
            for (var d = 0; d < width; d++)
            {
                var normed = (row[d] - mean) / deviation;
                var exact = (normed * (1 + scale[0, 0, d])) + shift[0, 0, d];
                // An error of the mean counts in units of the deviation.
                var largest =
                    ((Math.Abs(mean) / deviation) + Math.Abs(normed)) * (1 + Math.Abs(scale[0, 0, d]))
                    + Math.Abs(shift[0, 0, d]);
                Assert.That(result[0, l, d], Is.EqualTo(exact).Within(Bound(type, exact, largest, width)), $"{l}, {d}");
            }
        }
    }

    [Test]
    public void A_gated_residual_is_that_of_the_formula([ValueSource(nameof(Types))] LatentType type)
    {
        using var x = new TestLatents(type, 2, 3, 20).FillNormal(1);
        using var y = new TestLatents(type, 2, 3, 20).FillNormal(2);
        using var gate = new TestLatents(type, 1, 2, 20).FillNormal(3);
        using var result = new TestLatents(type, 2, 3, 20);
        new ScalarRolloutKernels().GatedResidual(
            new(x.Buffer.Pointer, type, 2, 3, 20),
            new(gate.Buffer.Pointer, type, 2, 20, 20),
            new(y.Buffer.Pointer, type, 2, 3, 20),
            new(result.Buffer.Pointer, type, 2, 3, 20)
        );
        for (var b = 0; b < 2; b++)
        {
            for (var l = 0; l < 3; l++)
            {
                for (var d = 0; d < 20; d++)
                {
                    var exact = x[b, l, d] + (gate[0, b, d] * y[b, l, d]);
                    Assert.That(result[b, l, d], Is.EqualTo(exact).Within(Bound(type, exact, Math.Abs(exact), 0)));
                }
            }
        }
    }

    [Test]
    public void A_norm_of_heads_with_rotation_is_that_of_the_formula(
        [ValueSource(nameof(Types))] LatentType type,
        [Values(2, 10, 64, 320)] int width
    )
    {
        const int Tokens = 2;
        const int Heads = 3;
        using var x = new TestLatents(type, Tokens, Heads, width).FillNormal(1);
        using var weight = new TestLatents(type, 1, 1, width).FillNormal(2);
        using var cosine = new TestLatents(LatentType.Float32, 1, Tokens, width / 2).Fill((_, l, i) => Math.Cos(l + i));
        using var sine = new TestLatents(LatentType.Float32, 1, Tokens, width / 2).Fill((_, l, i) => Math.Sin(l + i));
        using var result = new TestLatents(type, Tokens, Heads, width);
        new ScalarRolloutKernels().QkNormRope(
            HeadBuffer.Contiguous(x.Buffer.Pointer, type, 1, Tokens, Heads, width),
            weight.Buffer.Pointer,
            (float*)cosine.Buffer.Pointer,
            (float*)sine.Buffer.Pointer,
            1e-6,
            HeadBuffer.Contiguous(result.Buffer.Pointer, type, 1, Tokens, Heads, width)
        );
        for (var l = 0; l < Tokens; l++)
        {
            for (var h = 0; h < Heads; h++)
            {
                var head = Enumerable.Range(0, width).Select(k => x[l, h, k]).ToArray();
                var root = Math.Sqrt(head.Average(value => value * value) + 1e-6);
                for (var k = 0; k < width; k += 2)
                {
                    var (a, b) = (head[k] / root * weight[0, 0, k], head[k + 1] / root * weight[0, 0, k + 1]);
                    var (c, s) = (cosine[0, l, k / 2], sine[0, l, k / 2]);
                    var largest = Math.Abs(a) + Math.Abs(b);
                    AssertClose(result[l, h, k], (a * c) - (b * s), largest);
                    AssertClose(result[l, h, k + 1], (b * c) + (a * s), largest);
                }
            }
        }

        void AssertClose(double actual, double exact, double largest) =>
            Assert.That(actual, Is.EqualTo(exact).Within(Bound(type, exact, largest, width)));
    }

    [Test]
    public void A_guided_step_is_guidance_storage_and_a_replay_one_after_another()
    {
        // As GuidedVelocityField and Rollout compute it: three operations in binary32, one rounding, one fused operation.
        using var conditional = new TestLatents(LatentType.Float32, 1, 1, 100).FillNormal(1);
        using var negative = new TestLatents(LatentType.Float32, 1, 1, 100).FillNormal(2);
        using var x = new TestLatents(LatentType.BFloat16, 1, 1, 100).FillNormal(3);
        using var v = new TestLatents(LatentType.BFloat16, 1, 1, 100);
        using var next = new TestLatents(LatentType.BFloat16, 1, 1, 100);
        new ScalarRolloutKernels().GuidedEulerStep(
            conditional.Buffer,
            negative.Buffer,
            4.5,
            [0],
            x.Buffer,
            -0.04,
            v.Buffer,
            next.Buffer
        );
        using var expectedV = new TestLatents(LatentType.BFloat16, 1, 1, 100).Fill(
            (_, _, e) =>
            {
                var difference = (float)conditional[0, 0, e] - (float)negative[0, 0, e];
                var scaled = difference * 4.5f;
                return (float)negative[0, 0, e] + scaled;
            }
        );
        using var expected = new TestLatents(LatentType.BFloat16, 1, 1, 100);
        new ScalarLatentKernels().Replay(x.Buffer, [0], expectedV.Buffer, [0], [-0.04], expected.Buffer);
        Assert.That(v.Bits(), Is.EqualTo(expectedV.Bits()));
        Assert.That(next.Bits(), Is.EqualTo(expected.Bits()));
    }
}
