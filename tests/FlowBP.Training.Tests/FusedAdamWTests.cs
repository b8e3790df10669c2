using FlowBP.Kernels;
using FlowBP.RandomStreams;
using FlowBP.Training.Optimization;

namespace FlowBP.Training.Tests;

/// <summary>Clipping, AdamW and the moving average in one pass, against the same in tensor operations.</summary>
public class FusedAdamWTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void Open() => scope = torch.NewDisposeScope();

    [TearDown]
    public void Close() => scope.Dispose();

    [Test]
    public void The_first_step_is_the_sign_of_the_gradient_times_the_learning_rate()
    {
        var weight = nn.Parameter(torch.tensor(new[] { 2.0, -3.0 }));
        using var optimizer = Make(
            new()
            {
                WeightDecay = 0.1,
                Epsilon = 0,
                EmaDecay = 0.75,
            },
            ("w", weight)
        );
        weight.grad = torch.tensor(new[] { 0.3, -0.4 });
        Assert.That(optimizer.GradientNorm(), Is.EqualTo(0.5).Within(1e-15));
        optimizer.Step(0.01, 0.5);
        double[] expected = [2 * (1 - 0.001) - 0.01, -3 * (1 - 0.001) + 0.01];
        Assert.That(Numbers(weight), Is.EqualTo(expected).Within(1e-15));
        optimizer.SwapWithEma();
        double[] average = [0.75 * 2 + 0.25 * expected[0], 0.75 * -3 + 0.25 * expected[1]];
        Assert.That(Numbers(weight), Is.EqualTo(average).Within(1e-15));
    }

    [Test]
    public void Twelve_steps_equal_clip_grad_norm_and_AdamW_of_the_tensor_library()
    {
        double[][] start = [Sample(1, 7), Sample(2, 130)];
        Parameter[] fused = [.. start.Select(values => nn.Parameter(torch.tensor(values)))];
        Parameter[] plain = [.. start.Select(values => nn.Parameter(torch.tensor(values)))];
        using var optimizer = Make(
            new()
            {
                Beta1 = 0.8,
                Beta2 = 0.95,
                Epsilon = 1e-6,
                WeightDecay = 0.05,
                MaxGradNorm = 2,
                EmaDecay = 0.9,
            },
            ("a", fused[0]),
            ("b", fused[1])
        );
        using var reference = torch.optim.AdamW(plain, 0.02, 0.8, 0.95, 1e-6, 0.05);
        double[][] averages = [.. start.Select(values => values.ToArray())];
        for (var step = 0; step < 12; step++)
        {
            for (var p = 0; p < 2; p++)
            {
                // Norms from far above to far below the clip.
                double[] gradient =
                [
                    .. Sample(100 + 2 * step + p, start[p].Length).Select(g => g * Math.Pow(0.5, step)),
                ];
                fused[p].grad = torch.tensor(gradient);
                plain[p].grad = torch.tensor(gradient);
            }
            var norm = nn.utils.clip_grad_norm_(plain, 2);
            reference.step();
            Assert.That(optimizer.GradientNorm(), Is.EqualTo(norm).Within(1e-12 * norm));
            optimizer.Step(0.02, optimizer.GradientNorm());
            for (var p = 0; p < 2; p++)
            {
                Assert.That(Numbers(fused[p]), Is.EqualTo(Numbers(plain[p])).Within(1e-12), $"step {step}");
                averages[p] = [.. averages[p].Zip(Numbers(plain[p]), (a, value) => 0.9 * a + 0.1 * value)];
            }
        }
        Assert.That(optimizer.Steps, Is.EqualTo(12));
        optimizer.SwapWithEma();
        Assert.That(Numbers(fused[1]), Is.EqualTo(averages[1]).Within(1e-12));
    }

    [Test]
    public void Swapping_twice_gives_the_weights_back_bit_for_bit()
    {
        var weight = nn.Parameter(torch.tensor(Sample(3, 40)).to(ScalarType.Float32));
        using var optimizer = Make(new(), ("w", weight));
        weight.grad = torch.ones_like(weight);
        optimizer.Step(0.1, optimizer.GradientNorm());
        var trained = Numbers(weight);
        optimizer.SwapWithEma();
        Assert.That(Numbers(weight), Is.Not.EqualTo(trained));
        optimizer.SwapWithEma();
        Assert.That(Numbers(weight), Is.EqualTo(trained));
    }

    [TestCase(double.NaN)]
    [TestCase(double.PositiveInfinity)]
    public void A_gradient_that_is_not_finite_names_its_parameter_and_changes_nothing(double wrong)
    {
        var good = nn.Parameter(torch.ones(3));
        var bad = nn.Parameter(torch.ones(3));
        using var optimizer = Make(new(), ("encoder.weight", good), ("head.bias", bad));
        good.grad = torch.ones(3);
        bad.grad = torch.tensor(new[] { 1f, (float)wrong, 1f });
        Assert.That(
            optimizer.GradientNorm,
            Throws
                .TypeOf<NonFiniteGradientException>()
                .With.Property("Parameter")
                .EqualTo("head.bias")
                .And.Message.Contains("head.bias")
        );
        Assert.That((Numbers(good), Numbers(bad), optimizer.Steps), Is.EqualTo((Ones(3), Ones(3), 0L)));
    }

    [Test]
    public void A_parameter_without_a_gradient_is_left_alone()
    {
        var used = nn.Parameter(torch.ones(2));
        var unused = nn.Parameter(torch.ones(2));
        using var optimizer = Make(new() { WeightDecay = 0.5 }, ("used", used), ("unused", unused));
        used.grad = torch.ones(2);
        optimizer.Step(0.1, optimizer.GradientNorm());
        Assert.That(Numbers(unused), Is.EqualTo(Ones(2)));
        Assert.That(Numbers(used), Is.Not.EqualTo(Ones(2)));
    }

    [Test]
    public void A_gradient_that_is_a_transposed_view_is_read_in_its_own_order()
    {
        var weight = nn.Parameter(torch.zeros(2, 3, dtype: ScalarType.Float64));
        using var optimizer = Make(
            new()
            {
                Epsilon = 1,
                WeightDecay = 0,
                MaxGradNorm = 1e9,
            },
            ("w", weight)
        );
        weight.grad = torch.arange(6, dtype: ScalarType.Float64).reshape(3, 2).transpose(0, 1);
        optimizer.Step(1, optimizer.GradientNorm());
        double[] gradient = [0, 2, 4, 1, 3, 5];
        Assert.That(Numbers(weight), Is.EqualTo(gradient.Select(g => -g / (g + 1))).Within(1e-14));
    }

    [Test]
    public void Gradients_are_dropped_after_a_step()
    {
        var weight = nn.Parameter(torch.ones(2));
        using var optimizer = Make(new(), ("w", weight));
        weight.grad = torch.ones(2);
        optimizer.Step(0.1, optimizer.GradientNorm());
        Assert.That(weight.grad is null, Is.True);
        Assert.That(optimizer.GradientNorm(), Is.Zero);
    }

    [Test]
    public void Without_a_moving_average_there_is_nothing_to_swap_with()
    {
        var weight = nn.Parameter(torch.ones(2));
        using var optimizer = Make(new() { EmaDecay = null }, ("w", weight));
        Assert.That(optimizer.SwapWithEma, Throws.InvalidOperationException);
    }

    private static FusedAdamW Make(AdamWSettings settings, params (string, Parameter)[] parameters) =>
        new(parameters, settings, new CpuLatentKernels());

    private static double[] Ones(int count) => [.. Enumerable.Repeat(1.0, count)];

    private static double[] Sample(long index, int count)
    {
        var values = new double[count];
        RandomStream.For(5, index, 0, RandomPurpose.InitialNoise).FillNormal(values);
        return values;
    }
}
