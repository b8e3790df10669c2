// The cotangent of an active step: a product per element, and the cast that may go with it.

using FlowBP.RandomStreams;
using FsCheck;
using FsCheck.Fluent;

namespace FlowBP.Kernels.Tests;

public class ScalingTests
{
    private static readonly ILatentKernels[] Implementations = [new ScalarLatentKernels(), new CpuLatentKernels()];

    [TestCaseSource(nameof(Implementations))]
    public void Each_sample_is_multiplied_by_its_own_factor(ILatentKernels kernels)
    {
        using var g = new TestLatents(LatentType.Float32, 1, 3, 50).Fill((_, b, e) => e);
        using var u = new TestLatents(LatentType.Float32, 1, 3, 50);
        kernels.ScaleCotangent(g.Buffer, [-0.5, 0, 2], u.Buffer);
        for (var e = 0; e < 50; e++)
        {
            Assert.That((u[0, 0, e], u[0, 1, e], u[0, 2, e]), Is.EqualTo((-0.5 * e, 0.0, 2.0 * e)));
        }
    }

    [TestCaseSource(nameof(Implementations))]
    public void A_gradient_may_be_scaled_in_place(ILatentKernels kernels)
    {
        using var g = new TestLatents(LatentType.BFloat16, 1, 1, 100).Fill((_, _, e) => e);
        kernels.ScaleCotangent(g.Buffer, [4], g.Buffer);
        Assert.That(
            Enumerable.Range(0, 100).Select(e => g[0, 0, e]),
            Is.EqualTo(Enumerable.Range(0, 100).Select(e => 4.0 * e))
        );
    }

    private static readonly Gen<(
        LatentType From,
        LatentType To,
        int Batch,
        int Elements,
        int Misalignment,
        int Seed
    )> Cases =
        from types in Gen.Elements(
            (LatentType.Float64, LatentType.Float64),
            (LatentType.Float32, LatentType.Float32),
            (LatentType.Float32, LatentType.BFloat16),
            (LatentType.BFloat16, LatentType.Float32),
            (LatentType.BFloat16, LatentType.BFloat16)
        )
        from batch in Gen.Choose(1, 4)
        from elements in Gen.OneOf(Gen.Choose(1, 70), Gen.Choose(8150, 8230), Gen.Choose(1, 40_000))
        from misalignment in Gen.Choose(0, 33)
        from seed in Gen.Choose(0, int.MaxValue)
        select (types.Item1, types.Item2, batch, elements, misalignment, seed);

    [Test]
    public void The_vectorised_kernel_gives_the_bits_of_the_scalar_one() =>
        Prop.ForAll(
                Arb.From(Cases),
                c =>
                {
                    using var g = new TestLatents(c.From, 1, c.Batch, c.Elements, c.Misalignment).FillNormal(
                        (ulong)c.Seed
                    );
                    g[0, 0, c.Elements / 2] = double.NaN;
                    g[0, c.Batch - 1, c.Elements - 1] = double.PositiveInfinity;
                    var stream = RandomStream.For((ulong)c.Seed, 0, 0, RandomPurpose.Indices);
                    var scale = Enumerable.Range(0, c.Batch).Select(_ => stream.NextNormal()).ToArray();
                    using var expected = new TestLatents(c.To, 1, c.Batch, c.Elements);
                    new ScalarLatentKernels().ScaleCotangent(g.Buffer, scale, expected.Buffer);
                    using var actual = new TestLatents(c.To, 1, c.Batch, c.Elements, c.Misalignment / 2);
                    new CpuLatentKernels().ScaleCotangent(g.Buffer, scale, actual.Buffer);
                    Assert.That(actual.Bits(), Is.EqualTo(expected.Bits()), $"{c}");
                    actual.AssertGuardsUntouched();
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(40));
}
