using FlowBP.Examples.DropIn;
using FlowBP.Examples.FlowMatching;
using FlowBP.Formats;
using FlowBP.Surrogates;

namespace FlowBP.Training.Tests;

/// <summary>The example does what it says: a module of one's own, a lambda, and the reward rises.</summary>
public class ExampleTests
{
    [Test]
    public void A_trainer_written_for_TorchSharp_gains_reward_with_its_own_network_and_optimizer()
    {
        using var network = Before.Train(steps: 400);
        var (before, after) = After.Align(network, steps: 60);
        TestContext.Out.WriteLine($"mean reward before {before:f3}, after {after:f3}");
        Assert.That(before, Is.InRange(0.3, 0.7), "a ring is on all sides");
        Assert.That(after, Is.GreaterThan(before + 0.2));
    }

    [Test]
    public void A_loop_with_the_pieces_dropped_in_learns_the_same_weights()
    {
        using var folder = new TemporaryFolder();
        using var plain = new DiffusionTransformer();
        using var accelerated = new DiffusionTransformer();
        var expected = Plain.Train(plain, steps: 30);
        var found = Accelerated.Train(accelerated, steps: 30, folder.Of("average.safetensors"));
        Assert.That(found[0], Is.EqualTo(expected[0]).Within(1e-6 * expected[0]));
        for (var step = 1; step < expected.Length; step++)
        {
            Assert.That(found[step], Is.EqualTo(expected[step]).Within(1e-4 * expected[step]), $"loss of step {step}");
        }
        Assert.That(expected[^1], Is.LessThan(0.8 * expected[0]));
        using var read = new DiffusionTransformer();
        Checkpoint.LoadInto(read, folder.Of("average.safetensors"));
        foreach (var ((name, average), (_, stored)) in plain.named_parameters().Zip(read.named_parameters()))
        {
            Assert.That(
                TransformerWorld.RelativeNorm(TensorValues.Numbers(stored), TensorValues.Numbers(average)),
                Is.LessThan(1e-4),
                name
            );
        }
    }

    [Test]
    public void The_batch_of_a_modules_field_can_be_divided_among_threads()
    {
        using var workers = new BatchWorkers(2);
        using var network = new VelocityNetwork();
        Tensor Forward(VelocityNetwork net, Tensor x, Tensor sigma, Conditioning c) => net.call(x, sigma);
        using var x_B = Before.Normal(0, 5, 2);
        using var u_B = Before.Normal(1, 5, 2);
        using var sigma_B = torch.full([5], 0.5, ScalarType.Float32);
        using var nothing = new Conditioning("nothing", torch.zeros(5, 1));
        double[] Gradient(IVelocityField field)
        {
            network.zero_grad();
            using var input = field.Vjp(x_B, sigma_B, nothing, u_B, wantInputGradient: true);
            return
            [
                .. TensorValues.Numbers(input!),
                .. network.parameters().SelectMany(p => TensorValues.Numbers(p.grad!)),
            ];
        }
        var expected = Gradient(VelocityField.Of(network, Forward));
        var found = Gradient(VelocityField.Of(network, Forward, workers));
        Assert.That(TransformerWorld.RelativeNorm(found, expected), Is.LessThan(1e-5));
    }
}
