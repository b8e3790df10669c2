// The gradients of a network as one vector.

using FlowBP.Training.Diagnosis;

namespace FlowBP.Training.Tests;

public class FlatGradientTests
{
    [Test]
    public void Gradients_in_another_type_are_refused()
    {
        using var parameter = torch.zeros([2], ScalarType.Float64).requires_grad_(true);
        parameter.sum().backward();
        Assert.That(() => FlatGradient.Take([parameter]), Throws.ArgumentException.With.Message.Contains("Float64"));
    }

    [Test]
    public void A_gradient_is_taken_and_not_copied()
    {
        float[] theta = [0.8f, -1.1f, 0.3f];
        using var parameter = torch.tensor(theta).requires_grad_(true);
        (parameter * parameter).sum().backward();
        using var gradient = FlatGradient.Take([parameter]);
        Assert.That(parameter.grad is null);
        Assert.That(gradient.Values(0).ToArray(), Is.EqualTo(theta.Select(value => 2 * value)));
        Assert.That(gradient.SquaredNorm(), Is.EqualTo(theta.Sum(value => 4.0 * value * value)).Within(1e-15));
    }
}
