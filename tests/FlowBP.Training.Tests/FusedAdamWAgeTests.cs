// A parameter without a gradient does not age. The reference is written out in double and knows nothing of the kernels.

using FlowBP.Kernels;
using FlowBP.Training.Optimization;

namespace FlowBP.Training.Tests;

public class FusedAdamWAgeTests
{
    private const int Steps = 20;
    private const double Rate = 0.01;

    private static readonly AdamWSettings s_settings = new()
    {
        Beta1 = 0.9,
        Beta2 = 0.99,
        Epsilon = 1e-8,
        WeightDecay = 0.05,
        MaxGradNorm = 1,
        EmaDecay = 0.9,
    };

    [Test]
    public void With_missing_gradients_it_is_AdamW_with_a_step_count_per_parameter()
    {
        using var scope = torch.NewDisposeScope();
        var (first, second) = (Weight(5, 0.3), Weight(3, -0.7));
        using var optimizer = new FusedAdamW(
            [("first", first), ("second", second)],
            s_settings,
            new CpuLatentKernels()
        );
        var (expectedFirst, expectedSecond) = (new Reference(first), new Reference(second));
        for (var step = 0; step < Steps; step++)
        {
            var g = Gradient(5, step);
            var h = HasGradient(step) ? Gradient(3, step + 100) : null;
            Give(first, g);
            Give(second, h);
            var norm = Math.Sqrt(g.Concat(h ?? []).Sum(x => x * x));
            Assert.That(optimizer.GradientNorm(), Is.EqualTo(norm).Within(1e-6));
            optimizer.Step(Rate, norm);
            var clip = Math.Min(1, 1 / (norm + 1e-6));
            expectedFirst.Step(g, clip);
            expectedSecond.Step(h, clip);
        }
        Assert.That(Numbers(first), Is.EqualTo(expectedFirst.Weight).Within(1e-6));
        Assert.That(Numbers(second), Is.EqualTo(expectedSecond.Weight).Within(1e-6));
        optimizer.SwapWithEma();
        Assert.That(Numbers(first), Is.EqualTo(expectedFirst.Ema).Within(1e-6));
        Assert.That(Numbers(second), Is.EqualTo(expectedSecond.Ema).Within(1e-6), "it moves on without gradients");
    }

    [Test]
    public void It_follows_the_optimizer_of_the_tensor_library()
    {
        using var scope = torch.NewDisposeScope();
        var (first, second) = (Weight(5, 0.3), Weight(3, -0.7));
        var (firstThere, secondThere) = (Weight(5, 0.3), Weight(3, -0.7));
        var settings = s_settings with { MaxGradNorm = double.PositiveInfinity, EmaDecay = null };
        using var optimizer = new FusedAdamW([("first", first), ("second", second)], settings, new CpuLatentKernels());
        using var there = torch.optim.AdamW([firstThere, secondThere], Rate, 0.9, 0.99, 1e-8, 0.05);
        for (var step = 0; step < Steps; step++)
        {
            foreach (var (a, b) in ((Parameter, Parameter)[])[(first, second), (firstThere, secondThere)])
            {
                Give(a, Gradient(5, step));
                Give(b, HasGradient(step) ? Gradient(3, step + 100) : null);
            }
            optimizer.Step(Rate, optimizer.GradientNorm());
            there.step();
        }
        Assert.That(Numbers(first), Is.EqualTo(Numbers(firstThere)).Within(1e-6));
        Assert.That(Numbers(second), Is.EqualTo(Numbers(secondThere)).Within(1e-6));
    }

    [Test]
    public void A_step_without_any_gradient_changes_no_parameter()
    {
        using var scope = torch.NewDisposeScope();
        var weight = Weight(5, 0.3);
        var before = Numbers(weight);
        using var optimizer = new FusedAdamW([("weight", weight)], s_settings, new CpuLatentKernels());
        Assert.That(optimizer.GradientNorm(), Is.Zero);
        optimizer.Step(Rate, 0);
        Assert.That(Numbers(weight), Is.EqualTo(before));
    }

    private static bool HasGradient(int step) => step % 3 != 0 && step != 7;

    private static Parameter Weight(int count, double start)
    {
        var parameter = nn.Parameter(
            torch.tensor([.. Enumerable.Range(0, count).Select(i => (float)(start + (0.1 * i)))])
        );
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    private static double[] Gradient(int count, int seed) =>
        [.. Enumerable.Range(0, count).Select(i => (double)(float)Math.Sin((1.7 * i) + (0.9 * seed)))];

    private static void Give(Parameter parameter, double[]? gradient) =>
        parameter.grad = gradient is null ? null : torch.tensor([.. gradient.Select(x => (float)x)]);

    // Loshchilov and Hutter 2019, algorithm 2, with the average of the weights.
    private sealed class Reference(Tensor start)
    {
        private readonly double[] m = new double[start.numel()];
        private readonly double[] v = new double[start.numel()];
        private int age;

        public double[] Weight { get; } = Numbers(start);

        public double[] Ema { get; } = Numbers(start);

        public void Step(double[]? gradient, double clip)
        {
            age += gradient is null ? 0 : 1;
            for (var i = 0; i < Weight.Length; i++)
            {
                if (gradient is not null)
                {
                    var g = gradient[i] * clip;
                    m[i] = (0.9 * m[i]) + (0.1 * g);
                    v[i] = (0.99 * v[i]) + (0.01 * g * g);
                    var mean = m[i] / (1 - Math.Pow(0.9, age));
                    var square = v[i] / (1 - Math.Pow(0.99, age));
                    Weight[i] -= Rate * ((mean / (Math.Sqrt(square) + 1e-8)) + (0.05 * Weight[i]));
                }
                Ema[i] = (0.9 * Ema[i]) + (0.1 * Weight[i]);
            }
        }
    }
}
