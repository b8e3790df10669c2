// Shape legend: B batch, … the dimensions of one latent.

using FlowBP.RandomStreams;
using FlowBP.Verification.Methods;

namespace FlowBP.Surrogates.Tests;

/// <summary>The flow-matching loss on given data: its value, its gradient, its cost, and the times that are drawn for it.</summary>
public class FlowMatchingTests
{
    private static readonly double[] s_times = [0.05, 0.5, 0.97];

    [Test]
    public void Value_and_gradient_are_those_of_autograd_over_the_loss()
    {
        using var world = new World();
        using var data = Data(world);
        var (gradient, report) = Gradient(world, data, weight: 0.7, count: 5);

        world.ClearGradients();
        using var scope = torch.NewDisposeScope();
        using var withGrad = torch.enable_grad();
        var t_B = torch.tensor(s_times);
        var t_B111 = t_B.reshape(3, 1, 1, 1);
        var x_B = (1 - t_B111) * data.Latents_B + t_B111 * data.Noise_B;
        var v_B = world.Network.Forward(x_B, t_B, data.Conditioning);
        var difference_B = v_B - (data.Noise_B - data.Latents_B);
        // The mean over the three samples, of five.
        var loss = (difference_B * difference_B).mean() * (0.7 * 3 / 5);
        loss.backward();

        Assert.That(report.Loss, Is.EqualTo(loss.item<double>()).Within(1e-13));
        Assert.That(EquivalenceTests.Distance(gradient, world.Gradients()), Is.LessThan(1e-12));
    }

    [Test]
    public void Of_a_field_with_one_parameter_it_is_arithmetic()
    {
        // v = a·x, so ∂loss/∂a = 2λ/(n D) Σ (a·x_t − (ε − x))·x_t.
        const double a = 0.3;
        using var world = new World();
        using var data = Data(world);
        using var factor = torch.tensor([a], ScalarType.Float64).requires_grad_(true);
        var executor = world.Executor(new AutogradVelocityField((x_B, _, _) => x_B * factor));
        var report = executor.AccumulateFlowMatching(data, weight: 2);

        var (x, noise) = (TensorValues.Numbers(data.Latents_B), TensorValues.Numbers(data.Noise_B));
        var (loss, slope) = (0.0, 0.0);
        for (var i = 0; i < x.Length; i++)
        {
            var t = s_times[i / (x.Length / 3)];
            var noisy = (1 - t) * x[i] + t * noise[i];
            var difference = a * noisy - (noise[i] - x[i]);
            loss += 2 * difference * difference / x.Length;
            slope += 4 * difference * noisy / x.Length;
        }
        Assert.That(report.Loss, Is.EqualTo(loss).Within(1e-13));
        Assert.That(factor.grad!.item<double>(), Is.EqualTo(slope).Within(1e-13));
    }

    [Test]
    public void Chunks_change_nothing_but_the_calls()
    {
        using var whole = new World();
        using var cut = new World() { Options = new() { VjpChunk = 2 } };
        using var data = Data(whole);
        var (one, first) = Gradient(whole, data, 0.7, null);
        var field = new CountingField(new AutogradVelocityField(cut.Network.Forward));
        var (other, second) = Gradient(cut, data, 0.7, null, field);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(EquivalenceTests.Distance(other, one), Is.LessThan(1e-13));
            Assert.That(second.Loss, Is.EqualTo(first.Loss).Within(1e-14));
            Assert.That(first.Evaluations, Is.EqualTo(new Evaluations(1, 3)));
            Assert.That(second.Evaluations, Is.EqualTo(new Evaluations(2, 3)));
            Assert.That(field.EvaluatedBatches, Is.EqualTo(new[] { 2, 1 }));
            Assert.That(field.PulledBatches, Is.EqualTo(new[] { 2, 1 }));
            Assert.That(field.PulledTimes, Is.EqualTo(s_times));
        }
    }

    [Test]
    public void It_adds_to_what_the_surrogate_left()
    {
        using var world = new World();
        using var data = Data(world);
        var (alone, _) = Gradient(world, data, 0.7, null);
        var reward = world.Gradient(new SparsePlanner(new()).FromIndices(world.Schedule, [1, 4, 7]));
        world.Executor().AccumulateFlowMatching(data, 0.7);
        var expected = reward.Zip(alone, (one, other) => one + other).ToArray();
        Assert.That(EquivalenceTests.Distance(world.Gradients(), expected), Is.LessThan(1e-13));
    }

    [Test]
    public void A_field_that_keeps_its_forward_runs_it_once_before_the_pullback()
    {
        using var world = new ChainWorld(type: ScalarType.Float64);
        var expected = Gradient(world, world.Autograd);
        var before = world.Network.BlockRuns;
        var found = Gradient(world, new BlockwiseVelocityField(world.Network));
        Assert.That(EquivalenceTests.Distance(found, expected), Is.LessThan(1e-13));
        Assert.That(world.Network.BlockRuns - before, Is.EqualTo(2 * world.Network.Blocks.Count));
    }

    [Test]
    public void What_is_not_finite_or_of_another_batch_is_named()
    {
        using var world = new World();
        using var data = Data(world);
        var broken = world.Executor(new AutogradVelocityField((x_B, t_B, _) => x_B / (t_B.reshape(-1, 1, 1, 1) - 0.5)));
        Assert.That(
            () => broken.AccumulateFlowMatching(data, 1),
            Throws.TypeOf<NonFiniteException>().With.Property(nameof(NonFiniteException.Sample)).EqualTo(1)
        );
        Assert.That(
            () => world.Executor().AccumulateFlowMatching(data with { Times = [0.5] }, 1),
            Throws.ArgumentException.With.Message.Contains("1 times")
        );
    }

    [TestCase(1)]
    [TestCase(3)]
    public void Positions_on_a_schedule_are_its_levels(double shift)
    {
        var schedule = NoiseSchedule.FlowMatchEuler(8, shift);
        using (Assert.EnterMultipleScope())
        {
            for (var i = 0; i <= 8; i++)
            {
                Assert.That(FlowMatchingTimeDraws.At(schedule, i / 8.0), Is.EqualTo(schedule.Sigmas[i]).Within(1e-15));
            }
            Assert.That(
                FlowMatchingTimeDraws.At(schedule, 2.5 / 8),
                Is.EqualTo((schedule.Sigmas[2] + schedule.Sigmas[3]) / 2).Within(1e-15)
            );
        }
    }

    [Test]
    public void Times_have_the_densities_that_they_are_named_after()
    {
        const int draws = 20_000;
        var schedule = NoiseSchedule.FlowMatchEuler(16, shift: 1);
        var stream = RandomStream.For(1, 2, 3, RandomPurpose.FlowMatching);
        double[] uniform =
        [
            .. Enumerable.Range(0, draws).Select(_ => FlowMatchingTimes.Uniform.Draw(schedule, stream)),
        ];
        double[] logits =
        [
            .. Enumerable
                .Range(0, draws)
                .Select(_ => FlowMatchingTimes.LogitNormal.Draw(schedule, stream))
                .Select(t => Math.Log(t / (1 - t))),
        ];
        using (Assert.EnterMultipleScope())
        {
            // Five standard errors.
            Assert.That(uniform.Average(), Is.EqualTo(0.5).Within(5 * Math.Sqrt(1 / 12.0 / draws)));
            Assert.That(uniform.Average(t => t * t), Is.EqualTo(1 / 3.0).Within(5 * Math.Sqrt(4 / 45.0 / draws)));
            Assert.That(logits.Average(), Is.EqualTo(0).Within(5 / Math.Sqrt(draws)));
            Assert.That(logits.Average(z => z * z), Is.EqualTo(1).Within(5 * Math.Sqrt(2.0 / draws)));
        }
    }

    private static FlowMatchingBatch Data(World world) =>
        new()
        {
            Latents_B = world.Random([3, 2, 4, 4], 1),
            Noise_B = world.Random([3, 2, 4, 4], 1),
            Times = s_times,
            Conditioning = new(TinyNetwork.ConditioningName, world.Random([3, World.Conditions], 1)),
        };

    private static double[] Gradient(ChainWorld world, IVelocityField field)
    {
        world.ClearGradients();
        var data = new FlowMatchingBatch
        {
            Latents_B = world.Noise,
            Noise_B = world.Cotangent,
            Times = [0.1, 0.4, 0.7, 1],
            Conditioning = world.Conditioning,
        };
        new SurrogateExecutor(field, world.Schedule, new CpuLatentKernels()).AccumulateFlowMatching(data, 3);
        return [.. world.Network.Parameters.SelectMany(parameter => TensorValues.Numbers(parameter.grad!))];
    }

    private static (double[] Gradient, FlowMatchingReport Report) Gradient(
        World world,
        FlowMatchingBatch data,
        double weight,
        double? count,
        IVelocityField? field = null
    )
    {
        world.ClearGradients();
        var report = world.Executor(field).AccumulateFlowMatching(data, weight, count);
        return (world.Gradients(), report);
    }
}
