// The fused optimizer step: against six steps of torch's own, against closed forms, and scalar against vectorised bits.

using FsCheck;
using FsCheck.Fluent;

namespace FlowBP.Kernels.Tests;

public unsafe class AdamWEmaTests
{
    private static readonly ILatentKernels[] Implementations = [new ScalarLatentKernels(), new CpuLatentKernels()];

    /// <summary>One parameter with its state.</summary>
    private sealed class State : IDisposable
    {
        internal State(LatentType type, int count, int misalignment = 0)
        {
            Parameter = new(type, 1, 1, count, misalignment);
            Gradient = new(type, 1, 1, count, misalignment);
            ExpAvg = new TestLatents(type, 1, 1, count, misalignment).Fill((_, _, _) => 0);
            ExpAvgSq = new TestLatents(type, 1, 1, count, misalignment).Fill((_, _, _) => 0);
            Ema = new(type, 1, 1, count, misalignment);
            Copy = new(LatentType.BFloat16, 1, 1, count, misalignment);
        }

        internal TestLatents Parameter { get; }
        internal TestLatents Gradient { get; }
        internal TestLatents ExpAvg { get; }
        internal TestLatents ExpAvgSq { get; }
        internal TestLatents Ema { get; }
        internal TestLatents Copy { get; }

        internal AdamWEmaTensor Tensor(bool ema = true, bool copy = true) =>
            new()
            {
                Type = Parameter.Buffer.Type,
                Count = Parameter.Buffer.Elements,
                Parameter = Parameter.Buffer.Pointer,
                Gradient = Gradient.Buffer.Pointer,
                ExpAvg = ExpAvg.Buffer.Pointer,
                ExpAvgSq = ExpAvgSq.Buffer.Pointer,
                Ema = ema ? Ema.Buffer.Pointer : null,
                BFloat16Copy = copy ? Copy.Buffer.Pointer : null,
            };

        internal IEnumerable<TestLatents> Buffers => [Parameter, Gradient, ExpAvg, ExpAvgSq, Ema, Copy];

        public void Dispose()
        {
            foreach (var buffer in Buffers)
            {
                buffer.Dispose();
            }
        }
    }

    [Test]
    public void Six_steps_equal_those_of_torch(
        [ValueSource(nameof(Implementations))] ILatentKernels kernels,
        [Values(LatentType.Float64, LatentType.Float32)] LatentType type
    )
    {
        var golden = Golden.Open("methods/optim_adamw_ema.safetensors");
        var (prefix, tolerance) = type == LatentType.Float64 ? ("f64", 1e-9) : ("f32", 1e-6);
        var states = new List<State>();
        for (var i = 0; golden.Has($"{prefix}.p{i}.init"); i++)
        {
            var init = golden[$"{prefix}.p{i}.init"];
            var state = new State(type, init.Length);
            state.Parameter.Fill((_, _, e) => init[e]);
            state.Ema.Fill((_, _, e) => init[e]);
            states.Add(state);
        }
        Assert.That(states, Has.Count.EqualTo(3));
        for (var t = 0; t < 6; t++)
        {
            for (var i = 0; i < states.Count; i++)
            {
                var grad = golden[$"{prefix}.step{t}.p{i}.grad"];
                states[i].Gradient.Fill((_, _, e) => grad[e]);
            }
            var norm = Math.Sqrt(
                kernels.SquaredNorm([
                    .. states.Select(s => new GradientBuffer(s.Gradient.Buffer.Pointer, type, s.Gradient.Buffer.Count)),
                ])
            );
            AssertClose([norm], golden[$"{prefix}.step{t}.grad_norm"], tolerance, $"norm, step {t}");
            var step = new AdamWEmaStep(
                Step: t + 1,
                LearningRate: 0.01,
                Beta1: 0.9,
                Beta2: 0.999,
                Epsilon: 1e-8,
                WeightDecay: 1e-4,
                EmaDecay: 0.995,
                GradientFactor: AdamWEmaStep.ClipFactor(norm, maxNorm: 1)
            );
            kernels.AdamWEma([.. states.Select(s => s.Tensor())], step);
            for (var i = 0; i < states.Count; i++)
            {
                AssertClose(
                    Values(states[i].Parameter),
                    golden[$"{prefix}.step{t}.p{i}.param"],
                    tolerance,
                    $"p{i}, {t}"
                );
                AssertClose(Values(states[i].Ema), golden[$"{prefix}.step{t}.p{i}.ema"], tolerance, $"ema{i}, {t}");
            }
        }
        states.ForEach(state => state.Dispose());
    }

    [TestCaseSource(nameof(Implementations))]
    public void The_first_step_without_decay_moves_by_the_learning_rate_against_the_sign(ILatentKernels kernels)
    {
        // m/(1−β₁) = g and s/(1−β₂) = g², so the step is lr·g/(|g| + ε).
        using var state = new State(LatentType.Float64, 100);
        state.Parameter.Fill((_, _, e) => e);
        state.Ema.Fill((_, _, e) => e);
        state.Gradient.Fill((_, _, e) => (e % 2 == 0 ? 1 : -1) * (e + 1));
        kernels.AdamWEma([state.Tensor()], new(1, 0.125, 0.9, 0.999, 0, 0, EmaDecay: 0.75));
        for (var e = 0; e < 100; e++)
        {
            var expected = e - (e % 2 == 0 ? 0.125 : -0.125);
            Assert.That(state.Parameter[0, 0, e], Is.EqualTo(expected).Within(1e-13));
            Assert.That(state.Ema[0, 0, e], Is.EqualTo(e + (0.25 * (expected - e))).Within(1e-13));
        }
    }

    [TestCaseSource(nameof(Implementations))]
    public void Without_a_gradient_only_the_weight_decay_acts(ILatentKernels kernels)
    {
        using var state = new State(LatentType.Float32, 20);
        state.Parameter.Fill((_, _, _) => 2);
        state.Gradient.Fill((_, _, _) => 0);
        state.Ema.Fill((_, _, _) => 7);
        kernels.AdamWEma([state.Tensor(ema: false)], new(1, 0.5, 0.9, 0.999, 1e-8, WeightDecay: 0.25, 0.9));
        Assert.That(Values(state.Parameter), Is.All.EqualTo(2 * (1 - (0.5 * 0.25))));
        Assert.That(Values(state.Copy), Is.All.EqualTo(1.75));
        Assert.That(Values(state.Ema), Is.All.EqualTo(7), "no average was asked for");
    }

    [Test]
    public void The_clip_factor_is_that_of_clip_grad_norm()
    {
        Assert.That(AdamWEmaStep.ClipFactor(norm: 0.5, maxNorm: 1), Is.EqualTo(1));
        Assert.That(AdamWEmaStep.ClipFactor(norm: 4, maxNorm: 1), Is.EqualTo(1 / (4 + 1e-6)));
        Assert.That(AdamWEmaStep.ClipFactor(norm: double.NaN, maxNorm: 1), Is.NaN);
    }

    [TestCaseSource(nameof(Implementations))]
    public void The_squared_norm_is_a_sum_over_all_gradients(ILatentKernels kernels)
    {
        // 1 + 4 + 9 + … over 20 000 elements split into uneven parts, an empty one and three types among them: exact.
        using var first = new TestLatents(LatentType.Float64, 1, 1, 12_345).Fill((_, _, e) => e);
        using var second = new TestLatents(LatentType.Float32, 1, 1, 7_655).Fill((_, _, e) => 12_345 + e);
        using var empty = new TestLatents(LatentType.Float32, 1, 1, 0);
        using var third = new TestLatents(LatentType.BFloat16, 1, 1, 40).Fill((_, _, e) => e % 2);
        var n = 19_999.0;
        Assert.That(
            kernels.SquaredNorm([Of(first), Of(empty), Of(second), Of(third)]),
            Is.EqualTo((n * (n + 1) * ((2 * n) + 1) / 6) + 20)
        );
        Assert.That(kernels.SquaredNorm([]), Is.Zero);

        var each = new double[3];
        kernels.SquaredNorms([Of(third), Of(empty), Of(first)], each);
        var m = 12_344.0;
        Assert.That(each, Is.EqualTo([20, 0, m * (m + 1) * ((2 * m) + 1) / 6]));

        second[0, 0, 5000] = double.NaN;
        Assert.That(kernels.SquaredNorm([Of(first), Of(second)]), Is.NaN);
    }

    private static readonly Gen<(LatentType Type, int[] Counts, int Misalignment, int Threads, int Seed)> Cases =
        from type in Gen.Elements(LatentType.Float32, LatentType.Float64)
        from tensors in Gen.Choose(0, 5)
        from counts in Gen.OneOf(Gen.Choose(0, 40), Gen.Choose(8180, 8210), Gen.Choose(0, 12_000)).ArrayOf(tensors)
        from misalignment in Gen.Choose(0, 33)
        from threads in Gen.Choose(1, 4)
        from seed in Gen.Choose(0, int.MaxValue)
        select (type, counts, misalignment, threads, seed);

    [Test]
    public void The_vectorised_kernel_gives_the_bits_of_the_scalar_one() =>
        Prop.ForAll(
                Arb.From(Cases),
                c =>
                {
                    var expected = Update(c.Type, c.Counts, 0, (ulong)c.Seed, new ScalarLatentKernels());
                    var actual = Update(
                        c.Type,
                        c.Counts,
                        c.Misalignment,
                        (ulong)c.Seed,
                        new CpuLatentKernels(c.Threads)
                    );
                    Assert.That(actual, Is.EqualTo(expected), $"{c.Type} [{string.Join(", ", c.Counts)}] {c}");
                }
            )
            .Check(Config.QuickThrowOnFailure.WithMaxTest(25));

    // Bits of every buffer after a few steps, and of the norm of the last gradients.
    private static List<ulong[]> Update(
        LatentType type,
        int[] counts,
        int misalignment,
        ulong seed,
        ILatentKernels kernels
    )
    {
        var states = counts.Select(count => new State(type, count, misalignment)).ToList();
        for (var i = 0; i < states.Count; i++)
        {
            states[i].Parameter.FillNormal(seed + (ulong)i);
            states[i].Ema.FillNormal(seed + 100 + (ulong)i);
            states[i].Copy.Fill((_, _, _) => 0);
        }
        for (var t = 1; t <= 3; t++)
        {
            for (var i = 0; i < states.Count; i++)
            {
                states[i].Gradient.FillWide(seed + (ulong)((1000 * t) + i));
            }
            kernels.AdamWEma(
                [.. states.Select((s, i) => s.Tensor(ema: i % 2 == 0, copy: i % 3 == 0))],
                new(t, 1e-3, 0.9, 0.999, 1e-8, 1e-2, 0.99, GradientFactor: 0.3)
            );
        }
        var norm = kernels.SquaredNorm([
            .. states.Select(s => new GradientBuffer(s.Gradient.Buffer.Pointer, type, s.Gradient.Buffer.Count)),
        ]);
        var bits = states.SelectMany(state => state.Buffers.Select(buffer => buffer.Bits())).ToList();
        bits.Add([BitConverter.DoubleToUInt64Bits(norm)]);
        foreach (var state in states)
        {
            foreach (var buffer in state.Buffers)
            {
                buffer.AssertGuardsUntouched();
            }
            state.Dispose();
        }
        return bits;
    }

    private static GradientBuffer Of(TestLatents latents) =>
        new(latents.Buffer.Pointer, latents.Buffer.Type, latents.Buffer.Count);

    private static double[] Values(TestLatents latents) =>
        [.. Enumerable.Range(0, (int)latents.Buffer.Elements).Select(e => latents[0, 0, e])];

    private static void AssertClose(double[] actual, double[] expected, double tolerance, string what)
    {
        Assert.That(actual, Has.Length.EqualTo(expected.Length), what);
        for (var i = 0; i < actual.Length; i++)
        {
            var bound = tolerance * Math.Max(1, Math.Abs(expected[i]));
            Assert.That(actual[i], Is.EqualTo(expected[i]).Within(bound), $"{what}, element {i}");
        }
    }
}
