// Random draws are part of a run's results: their bits are pinned against published vectors and a computation at 60
// digits, their distributions against exact moments.

using FlowBP.RandomStreams;

namespace FlowBP.Kernels.Tests;

public class RandomStreamTests
{
    private static RandomStream Stream(long sample = 0, RandomPurpose purpose = RandomPurpose.Data) =>
        RandomStream.For(seed: 20260101, step: 3, sample, purpose);

    // The known-answer vectors published with Random123 (philox4x32, 10 rounds).
    private static readonly object[] KnownAnswers =
    [
        new object[] { (0u, 0u, 0u, 0u), 0ul, (0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u) },
        new object[]
        {
            (0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu),
            0xffffffff_fffffffful,
            (0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu),
        },
        new object[]
        {
            (0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u),
            0x299f31d0_a4093822ul,
            (0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u),
        },
    ];

    [TestCaseSource(nameof(KnownAnswers))]
    public void Philox_gives_the_published_words(
        (uint, uint, uint, uint) counter,
        ulong key,
        (uint, uint, uint, uint) expected
    ) => Assert.That(Philox.Block(counter, key), Is.EqualTo(expected));

    [Test]
    public void A_stream_is_addressed_by_seed_step_sample_and_purpose()
    {
        // Step and sample beyond 32 bits; words and normals from an independent computation at 60 digits.
        var address = (Step: 7 + (3L << 32), Sample: 11 + (5L << 32));
        var words = RandomStream.For(42, address.Step, address.Sample, RandomPurpose.Renoise);
        uint[] expectedWords = [0x7f7fca85, 0xe0c81a6b, 0xae0e2103, 0xf9db3ec4, 0x26d39b4f, 0x32db4ffe, 0x3c4f6529];
        Assert.That(expectedWords.Select(_ => words.NextUInt32()), Is.EqualTo(expectedWords));

        var normals = RandomStream.For(42, address.Step, address.Sample, RandomPurpose.Renoise);
        double[] expectedNormals =
        [
            2.0281477539129296,
            -0.3081552405041662,
            0.6580840831114837,
            0.09931065383991192,
            0.44625842456777826,
            0.03197492283182268,
            0.6358578658605661,
            -0.5140388907711229,
        ];
        Assert.That(expectedNormals.Select(_ => normals.NextNormal()), Is.EqualTo(expectedNormals).Within(4).Ulps);
    }

    [Test]
    public void Every_part_of_the_address_matters()
    {
        var first = new HashSet<(uint, uint)>();
        foreach (var seed in new ulong[] { 1, 2, 1ul << 32 })
        {
            foreach (var step in new long[] { 0, 1, 1L << 32, RandomStream.AddressLimit - 1 })
            {
                foreach (var sample in new long[] { 0, 1, 1L << 32, RandomStream.AddressLimit - 1 })
                {
                    foreach (var purpose in Enum.GetValues<RandomPurpose>())
                    {
                        var stream = RandomStream.For(seed, step, sample, purpose);
                        Assert.That(
                            first.Add((stream.NextUInt32(), stream.NextUInt32())),
                            $"{seed} {step} {sample} {purpose}"
                        );
                    }
                }
            }
        }
    }

    [Test]
    public void Addresses_out_of_range_are_rejected() =>
        Assert.Multiple(() =>
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => RandomStream.For(1, -1, 0, RandomPurpose.Data));
            Assert.Throws<ArgumentOutOfRangeException>(() => RandomStream.For(1, 0, -1, RandomPurpose.Data));
            Assert.Throws<ArgumentOutOfRangeException>(() =>
                RandomStream.For(1, RandomStream.AddressLimit, 0, RandomPurpose.Data)
            );
            Assert.Throws<ArgumentOutOfRangeException>(() => RandomStream.For(1, 0, 0, (RandomPurpose)99));
            Assert.Throws<ArgumentOutOfRangeException>(() => Stream().NextInt(0));
            Assert.Throws<ArgumentOutOfRangeException>(() => Stream().NextGamma(0));
            Assert.Throws<ArgumentOutOfRangeException>(() => Stream().NextGamma(double.NaN));
        });

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(7)]
    [TestCase(64)]
    [TestCase(100)]
    public void A_buffer_filled_in_pieces_equals_one_filled_at_once(int firstPiece)
    {
        var whole = new double[100];
        Stream().FillNormal(whole);

        var pieces = new double[100];
        var stream = Stream();
        stream.FillNormal(pieces.AsSpan(0, firstPiece));
        stream.FillNormal(pieces.AsSpan(firstPiece));
        Assert.That(pieces, Is.EqualTo(whole));

        var single = new float[100];
        Stream().FillNormal(single);
        Assert.That(single, Is.EqualTo(whole.Select(value => (float)value)));
    }

    [Test]
    public void Normals_have_the_moments_of_the_normal_distribution()
    {
        const int Count = 400_000;
        var draws = new double[Count];
        Stream().FillNormal(draws);
        // E x^k = 0, 1, 0, 3; the bounds are five standard errors: √(E x^2k − (E x^k)²)/√n.
        Assert.That(draws.Average(), Is.EqualTo(0).Within(5 * Math.Sqrt(1.0 / Count)));
        Assert.That(draws.Average(x => x * x), Is.EqualTo(1).Within(5 * Math.Sqrt(2.0 / Count)));
        Assert.That(draws.Average(x => x * x * x), Is.EqualTo(0).Within(5 * Math.Sqrt(15.0 / Count)));
        Assert.That(draws.Average(x => x * x * x * x), Is.EqualTo(3).Within(5 * Math.Sqrt(96.0 / Count)));
        // The two normals of one Box-Muller pair are independent.
        var product = Enumerable.Range(0, Count / 2).Average(i => draws[2 * i] * draws[(2 * i) + 1]);
        Assert.That(product, Is.EqualTo(0).Within(5 * Math.Sqrt(2.0 / Count)));
        Assert.That(draws.Count(x => Math.Abs(x) > 1.959963984540054), Is.EqualTo(Count * 0.05).Within(5 * 138));
    }

    [Test]
    public void Uniform_doubles_lie_in_the_unit_interval_and_are_flat()
    {
        const int Count = 400_000;
        var stream = Stream();
        var draws = Enumerable.Range(0, Count).Select(_ => stream.NextDouble()).ToArray();
        Assert.That(draws, Is.All.InRange(0.0, Math.BitDecrement(1.0)));
        Assert.That(draws.Average(), Is.EqualTo(0.5).Within(5 * Math.Sqrt(1 / 12.0 / Count)));
        Assert.That(draws.Average(x => x * x), Is.EqualTo(1.0 / 3).Within(5 * Math.Sqrt(4 / 45.0 / Count)));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(25)]
    public void Integers_are_uniform_below_n(int n)
    {
        const int Count = 100_000;
        var stream = Stream();
        var counts = new int[n];
        for (var i = 0; i < Count; i++)
        {
            counts[stream.NextInt(n)]++;
        }
        var p = 1.0 / n;
        Assert.That(counts, Is.All.InRange((Count * p) - Deviation(), (Count * p) + Deviation()));

        double Deviation() => 5 * Math.Sqrt(Count * p * (1 - p));
    }

    [Test]
    public void Integers_are_unbiased_where_a_remainder_would_not_be()
    {
        // n = 3·2^29: 2^32 mod n = 2^30, so word % n would hit the lower two thirds of the range twice as often.
        const int Count = 100_000;
        const int N = 3 << 29;
        var stream = Stream();
        var low = Enumerable.Range(0, Count).Count(_ => stream.NextInt(N) < 1 << 30);
        Assert.That(low / (double)Count, Is.EqualTo(2.0 / 3).Within(5 * Math.Sqrt(2.0 / 9 / Count)));
    }

    [TestCase(0.3)]
    [TestCase(1)]
    [TestCase(2.5)]
    [TestCase(6)]
    public void Gamma_draws_have_mean_and_variance_equal_to_the_shape(double shape)
    {
        const int Count = 200_000;
        var stream = Stream();
        var draws = Enumerable.Range(0, Count).Select(_ => stream.NextGamma(shape)).ToArray();
        Assert.That(draws, Is.All.GreaterThanOrEqualTo(0.0));
        Assert.That(draws.Average(), Is.EqualTo(shape).Within(5 * Math.Sqrt(shape / Count)));
        // Var of (x − a)² is 2a² + 6a.
        var variance = draws.Average(x => (x - shape) * (x - shape));
        Assert.That(variance, Is.EqualTo(shape).Within(5 * Math.Sqrt(((2 * shape * shape) + (6 * shape)) / Count)));
    }

    [Test]
    public void Portable_functions_agree_with_the_platform_within_two_ulps()
    {
        // The platform's own functions may be one ulp off, and sin and cos are compared on an angle rounded by theirs.
        var stream = Stream();
        for (var i = 0; i < 100_000; i++)
        {
            var u = 1 - stream.NextDouble();
            var tiny = u * Math.ScaleB(1, -stream.NextInt(300));
            Assert.That(PortableMath.Log(tiny), Is.EqualTo(Math.Log(tiny)).Within(3).Ulps);
            Assert.That(PortableMath.Exp(-50 * u), Is.EqualTo(Math.Exp(-50 * u)).Within(3).Ulps);
            var (sine, cosine) = PortableMath.SinCosTurns(1 - u);
            var (expectedSine, expectedCosine) = Math.SinCos(2 * Math.PI * (1 - u));
            Assert.That(sine, Is.EqualTo(expectedSine).Within(1e-15));
            Assert.That(cosine, Is.EqualTo(expectedCosine).Within(1e-15));
        }
    }

    [Test]
    public void Portable_functions_are_exact_where_the_result_is()
    {
        Assert.That(PortableMath.Log(1), Is.Zero);
        Assert.That(PortableMath.Exp(0), Is.EqualTo(1));
        Assert.That(PortableMath.Exp(-800), Is.Zero);
        Assert.That(PortableMath.SinCosTurns(0), Is.EqualTo((0.0, 1.0)));
        Assert.That(PortableMath.SinCosTurns(0.25), Is.EqualTo((1.0, 0.0)));
        Assert.That(PortableMath.SinCosTurns(0.5), Is.EqualTo((0.0, -1.0)));
        Assert.That(PortableMath.SinCosTurns(0.75), Is.EqualTo((-1.0, 0.0)));
    }
}
