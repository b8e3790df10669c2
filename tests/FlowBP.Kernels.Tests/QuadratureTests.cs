// Replay and residual, on both implementations: closed forms and sums in higher precision first, then bit equality of the
// vectorised version with the scalar one over any size, alignment, number of points and choice of indices.

using System.Runtime.InteropServices;
using FlowBP.RandomStreams;
using FsCheck;
using FsCheck.Fluent;

namespace FlowBP.Kernels.Tests;

[TestFixture(typeof(ScalarLatentKernels))]
[TestFixture(typeof(CpuLatentKernels))]
public class QuadratureTests<TKernels>
    where TKernels : ILatentKernels, new()
{
    private readonly TKernels _kernels = new();

    [Test]
    public void A_constant_velocity_is_integrated_exactly([Values] LatentType type)
    {
        // x_0 = e mod 4, v = 1 in every step, 24 equal steps of −1/32: x̂ = x_0 − 3/4, exact in every type.
        using var x = new TestLatents(type, 2, 3, 1000).Fill((t, _, e) => t == 0 ? e % 4 : (e % 4) - 0.75);
        using var v = new TestLatents(type, 24, 3, 1000).Fill((_, _, _) => 1);
        using var xHat = new TestLatents(type, 1, 3, 1000);
        var index = Enumerable.Range(0, 3 * 24).Select(i => i % 24).ToArray();
        var weight = index.Select(_ => -1.0 / 32).ToArray();

        _kernels.Replay(x.Buffer, [0, 0, 0], v.Buffer, index, weight, xHat.Buffer);
        Assert.That(xHat.Bits(), Is.EqualTo(ExpectedBits(type, (b, e) => (e % 4) - 0.75)));

        var residual = new double[3];
        _kernels.QuadratureResidual(x.Buffer, [0, 0, 0], v.Buffer, index, weight, [1, 1, 1], residual);
        Assert.That(residual, Is.All.EqualTo(0.0));

        static ulong[] ExpectedBits(LatentType type, Func<long, long, double> value)
        {
            using var expected = new TestLatents(type, 1, 3, 1000).Fill((_, b, e) => value(b, e));
            return expected.Bits();
        }
    }

    [Test]
    public void A_replay_is_rounded_once([Values] LatentType type, [Values(0, 1, 4, 5, 6, 25)] int points)
    {
        const int Elements = 333;
        using var x = new TestLatents(type, 3, 2, Elements).FillNormal(1);
        using var v = new TestLatents(type, 7, 2, Elements).FillNormal(2);
        using var xHat = new TestLatents(type, 1, 2, Elements);
        var (start, index, weight) = Draw(points, 2, 3, 7, seed: 3);

        _kernels.Replay(x.Buffer, start, v.Buffer, index, weight, xHat.Buffer);

        // In exact arithmetic (doubles here, their error is far below binary32's) the value differs by the accumulated
        // error of `points` fused operations, plus half a unit of the storage type.
        var (unit, sumUnit) = type switch
        {
            LatentType.BFloat16 => (Math.ScaleB(1, -8), Math.ScaleB(1, -24)),
            LatentType.Float32 => (0.0, Math.ScaleB(1, -24)),
            _ => (0.0, Math.ScaleB(1, -52)),
        };
        for (var b = 0; b < 2; b++)
        {
            for (var e = 0; e < Elements; e++)
            {
                var exact = x[start[b], b, e];
                var magnitude = Math.Abs(exact);
                for (var k = b * points; k < (b + 1) * points; k++)
                {
                    exact += weight[k] * v[index[k], b, e];
                    magnitude += Math.Abs(weight[k] * v[index[k], b, e]);
                }
                var bound = (unit * Math.Abs(exact)) + ((2 * points + 1) * sumUnit * magnitude);
                Assert.That(xHat[0, b, e], Is.EqualTo(exact).Within(bound), $"b {b}, e {e}");
            }
        }
    }

    [Test]
    public void Weights_are_rounded_to_the_type_of_the_sum()
    {
        foreach (var type in new[] { LatentType.Float32, LatentType.Float64 })
        {
            using var x = new TestLatents(type, 1, 1, 20).Fill((_, _, _) => 0);
            using var v = new TestLatents(type, 1, 1, 20).Fill((_, _, _) => 1);
            using var xHat = new TestLatents(type, 1, 1, 20);
            _kernels.Replay(x.Buffer, [0], v.Buffer, [0], [-0.04], xHat.Buffer);
            Assert.That(xHat[0, 0, 7], Is.EqualTo(type == LatentType.Float32 ? -0.04f : -0.04));
        }
    }

    [Test]
    public void The_residual_is_taken_before_rounding()
    {
        // x̂ = 1 + 2^-12 would round to 1 in bf16, and the residual to 0.
        using var x = new TestLatents(LatentType.BFloat16, 1, 1, 8).Fill((_, _, _) => 1);
        using var v = new TestLatents(LatentType.BFloat16, 1, 1, 8).Fill((_, _, _) => 1);
        using var xHat = new TestLatents(LatentType.BFloat16, 1, 1, 8);
        var residual = new double[1];
        _kernels.QuadratureResidual(x.Buffer, [0], v.Buffer, [0], [Math.ScaleB(1, -12)], [0], residual, xHat.Buffer);
        Assert.That(residual[0], Is.EqualTo(Math.ScaleB(1, -12)));
        Assert.That(xHat[0, 0, 3], Is.EqualTo(1));
    }

    [Test]
    public void The_residual_is_the_mean_distance(
        [Values] LatentType type,
        [Values(1, 7, 8, 8191, 8192, 8193, 20000)] int elements
    )
    {
        using var x = new TestLatents(type, 4, 2, elements).FillNormal(1);
        using var v = new TestLatents(type, 5, 2, elements).FillNormal(2);
        var (start, index, weight) = Draw(3, 2, 4, 5, seed: 4);
        int[] target = [3, 1];
        var residual = new double[2];
        _kernels.QuadratureResidual(x.Buffer, start, v.Buffer, index, weight, target, residual);
        for (var b = 0; b < 2; b++)
        {
            var sum = 0.0;
            for (var e = 0; e < elements; e++)
            {
                var xHat = x[start[b], b, e];
                for (var k = 3 * b; k < 3 * (b + 1); k++)
                {
                    xHat += weight[k] * v[index[k], b, e];
                }
                sum += Math.Abs(x[target[b], b, e] - xHat);
            }
            // Float32 differences of numbers of order 1 carry 2^-23 each at most; the sum adds nothing to speak of.
            var tolerance = type == LatentType.Float64 ? 1e-14 : 1e-6;
            Assert.That(residual[b], Is.EqualTo(sum / elements).Within(tolerance));
        }
    }

    [Test]
    public void A_rollout_may_write_its_next_state_into_the_cache([Values] LatentType type)
    {
        using var x = new TestLatents(type, 3, 2, 100).Fill((t, b, e) => t == 0 ? 1 : double.NaN);
        using var v = new TestLatents(type, 2, 2, 100).Fill((t, b, e) => t + 1);
        for (var t = 0; t < 2; t++)
        {
            _kernels.Replay(x.Buffer, [t, t], v.Buffer, [t, t], [-0.25, -0.25], x.Buffer.AtStep(t + 1));
        }
        Assert.That(x[2, 1, 99], Is.EqualTo(1 - (0.25 * 1) - (0.25 * 2)));
    }

    [Test]
    public void Non_finite_values_stay_where_they_are_and_show_in_the_residual([Values] LatentType type)
    {
        using var x = new TestLatents(type, 1, 2, 40).Fill((_, _, _) => 1);
        using var v = new TestLatents(type, 1, 2, 40).Fill((_, _, _) => 1);
        using var xHat = new TestLatents(type, 1, 2, 40);
        v[0, 0, 3] = double.NaN;
        v[0, 0, 17] = double.PositiveInfinity;
        v[0, 0, 39] = double.NegativeInfinity;
        var residual = new double[2];
        _kernels.QuadratureResidual(x.Buffer, [0, 0], v.Buffer, [0, 0], [1, 1], [0, 0], residual, xHat.Buffer);
        Assert.That(xHat[0, 0, 3], Is.NaN);
        Assert.That(xHat[0, 0, 17], Is.EqualTo(double.PositiveInfinity));
        Assert.That(xHat[0, 0, 39], Is.EqualTo(double.NegativeInfinity));
        Assert.That(xHat[0, 0, 4], Is.EqualTo(2));
        Assert.That(residual[0], Is.NaN);
        Assert.That(residual[1], Is.EqualTo(1), "the other sample is not touched");
    }

    [Test]
    public void A_weight_of_zero_does_not_hide_a_non_finite_velocity()
    {
        using var x = new TestLatents(LatentType.Float32, 1, 1, 1).Fill((_, _, _) => 1);
        using var v = new TestLatents(LatentType.Float32, 1, 1, 1).Fill((_, _, _) => double.PositiveInfinity);
        using var xHat = new TestLatents(LatentType.Float32, 1, 1, 1);
        _kernels.Replay(x.Buffer, [0], v.Buffer, [0], [0], xHat.Buffer);
        Assert.That(xHat[0, 0, 0], Is.NaN);
    }

    [Test]
    public void Empty_latents_are_left_alone([Values] LatentType type)
    {
        using var noSamples = new TestLatents(type, 2, 0, 5);
        using var noElements = new TestLatents(type, 2, 2, 0);
        using var noElementsOut = new TestLatents(type, 1, 2, 0);
        using var noSamplesOut = new TestLatents(type, 1, 0, 5);
        _kernels.Replay(noSamples.Buffer, [], noSamples.Buffer, [], [], noSamplesOut.Buffer);
        _kernels.Replay(noElements.Buffer, [0, 1], noElements.Buffer, [0, 1], [1, 1], noElementsOut.Buffer);
        var residual = new double[] { 7, 7 };
        _kernels.QuadratureResidual(
            noElements.Buffer,
            [0, 1],
            noElements.Buffer,
            [],
            [],
            [0, 0],
            residual,
            noElementsOut.Buffer
        );
        Assert.That(residual, Is.All.EqualTo(0.0));
    }

    /// <summary>Random starts, indices and weights.</summary>
    internal static (int[] Start, int[] Index, double[] Weight) Draw(
        int points,
        int batch,
        int xSteps,
        int vSteps,
        ulong seed
    )
    {
        var stream = RandomStream.For(seed, 0, 0, RandomPurpose.Indices);
        return (
            [.. Enumerable.Range(0, batch).Select(_ => stream.NextInt(xSteps))],
            [.. Enumerable.Range(0, batch * points).Select(_ => stream.NextInt(vSteps))],
            [.. Enumerable.Range(0, batch * points).Select(_ => stream.NextNormal() * 0.2)]
        );
    }
}

public class QuadratureAgreementTests
{
    private sealed record Case(
        LatentType Type,
        int Batch,
        int Elements,
        int Points,
        int Misalignment,
        int Threads,
        bool NonFinite,
        ulong Seed
    );

    private static readonly Gen<Case> Cases =
        from type in Gen.Elements(Enum.GetValues<LatentType>())
        from batch in Gen.Choose(1, 4)
        from elements in Gen.OneOf(Gen.Choose(1, 70), Gen.Choose(8150, 8230), Gen.Choose(1, 12_000))
        from points in Gen.Choose(0, 30)
        from misalignment in Gen.Choose(0, 33)
        from threads in Gen.Choose(1, 5)
        from nonFinite in Gen.Elements(false, false, true)
        from seed in Gen.Choose(0, int.MaxValue)
        select new Case(type, batch, elements, points, misalignment, threads, nonFinite, (ulong)seed);

    [Test]
    public void The_vectorised_kernels_give_the_bits_of_the_scalar_ones() =>
        Prop.ForAll(Arb.From(Cases), Agree).Check(Config.QuickThrowOnFailure.WithMaxTest(40));

    private static void Agree(Case c)
    {
        const int Steps = 6;
        using var x = new TestLatents(c.Type, Steps, c.Batch, c.Elements, c.Misalignment).FillWide(c.Seed);
        using var v = new TestLatents(c.Type, Steps, c.Batch, c.Elements, c.Misalignment / 2).FillWide(c.Seed + 1);
        if (c.NonFinite)
        {
            v[1, 0, c.Elements / 2] = double.NaN;
            v[2, c.Batch - 1, c.Elements - 1] = double.NegativeInfinity;
        }
        var (start, index, weight) = QuadratureTests<CpuLatentKernels>.Draw(c.Points, c.Batch, Steps, Steps, c.Seed);
        var target = start.Select(step => (step + 1) % Steps).ToArray();

        using var expectedOut = new TestLatents(c.Type, 1, c.Batch, c.Elements);
        var expected = new double[c.Batch];
        new ScalarLatentKernels().QuadratureResidual(
            x.Buffer,
            start,
            v.Buffer,
            index,
            weight,
            target,
            expected,
            expectedOut.Buffer
        );
        var kernels = new CpuLatentKernels(c.Threads);
        using var replayed = new TestLatents(c.Type, 1, c.Batch, c.Elements, c.Misalignment / 3);
        kernels.Replay(x.Buffer, start, v.Buffer, index, weight, replayed.Buffer);
        Assert.That(replayed.Bits(), Is.EqualTo(expectedOut.Bits()), $"replay, {c}");
        replayed.AssertGuardsUntouched();

        var residual = new double[c.Batch];
        kernels.QuadratureResidual(x.Buffer, start, v.Buffer, index, weight, target, residual);
        Assert.That(residual, Is.EqualTo(expected), $"residual, {c}");

        using var alongside = new TestLatents(c.Type, 1, c.Batch, c.Elements, c.Misalignment / 3);
        kernels.QuadratureResidual(x.Buffer, start, v.Buffer, index, weight, target, residual, alongside.Buffer);
        Assert.That(residual, Is.EqualTo(expected), $"residual with output, {c}");
        Assert.That(alongside.Bits(), Is.EqualTo(expectedOut.Bits()), $"output of the residual, {c}");
        alongside.AssertGuardsUntouched();
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        const int Elements = 100_001;
        using var x = new TestLatents(LatentType.BFloat16, 2, 2, Elements).FillWide(1);
        using var v = new TestLatents(LatentType.BFloat16, 4, 2, Elements).FillWide(2);
        var (_, index, weight) = QuadratureTests<CpuLatentKernels>.Draw(4, 2, 2, 4, seed: 5);
        var results = new List<double[]>();
        foreach (var threads in new[] { 1, 2, 3, 7 })
        {
            var residual = new double[2];
            new CpuLatentKernels(threads).QuadratureResidual(
                x.Buffer,
                [0, 0],
                v.Buffer,
                index,
                weight,
                [1, 1],
                residual
            );
            results.Add(residual);
        }
        Assert.That(results, Is.All.EqualTo(results[0]));
    }

    [Test]
    public unsafe void Offsets_beyond_two_to_the_31_elements_are_addressed()
    {
        // 4.3 GB of address space of which three latents are ever touched, so the rest costs no memory.
        var elements = 1L << 14;
        var steps = (1L << 17) + 2;
        byte* memory;
        try
        {
            memory = (byte*)NativeMemory.Alloc((nuint)(steps * elements * sizeof(ushort)));
        }
        catch (OutOfMemoryException)
        {
            Assert.Ignore($"this machine grants no {steps * elements * sizeof(ushort)} bytes of address space");
            return;
        }
        try
        {
            var cache = new LatentBuffer(memory, LatentType.BFloat16, steps, 1, elements);
            var last = (int)(steps - 1);
            for (var e = 0; e < elements; e++)
            {
                BFloat16Storage.Write(cache.AddressOf(last, 0, e), 3);
                BFloat16Storage.Write(cache.AddressOf(last - 1, 0, e), 1);
            }
            using var xHat = new TestLatents(LatentType.BFloat16, 1, 1, elements);
            new CpuLatentKernels().Replay(cache, [last], cache, [last - 1], [2], xHat.Buffer);
            Assert.That(Enumerable.Range(0, (int)elements).Select(e => xHat[0, 0, e]), Is.All.EqualTo(5));
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }
}
