using FlowBP.Models.Layers;

namespace FlowBP.Models.Tests;

/// <summary>The two ways to compute tanh-GELU against its formula.</summary>
public class ActivationTests
{
    private static readonly double[] Points = [-1e9, -50, -5.5, -3, -1, -0.1, 0, 1e-6, 0.5, 1, 2.7, 6, 40, 1e9];

    [TestCase(true, 1e-15)]
    [TestCase(false, 1e-15)]
    public void Tanh_gelu_is_its_formula_with_and_without_a_graph(bool withGraph, double tolerance)
    {
        using var mode = torch.set_grad_enabled(withGraph);
        using var x = torch.tensor(Points);
        using var y = Activations.GeluTanh(x);
        var found = y.data<double>().ToArray();
        for (var i = 0; i < Points.Length; i++)
        {
            var u = Math.Sqrt(2 / Math.PI) * (Points[i] + 0.044715 * Math.Pow(Points[i], 3));
            var expected = Points[i] / 2 * (1 + Math.Tanh(u));
            Assert.That(
                found[i],
                Is.EqualTo(expected).Within(tolerance * Math.Max(1, Math.Abs(expected))),
                $"x = {Points[i]}"
            );
        }
        Assert.That(x.data<double>().ToArray(), Is.EqualTo(Points), "the input is left as it is");
    }

    [Test]
    public void In_float32_the_two_ways_agree()
    {
        using var x = torch.linspace(-9, 9, 10001);
        using var plain = Activations.GeluTanh(x);
        using var noGrad = torch.no_grad();
        using var quick = Activations.GeluTanh(x);
        Assert.That((plain - quick).abs().max().ToDouble(), Is.LessThan(1e-6));
    }
}
