namespace FlowBP.Torch.Tests;

/// <summary>Operators against the same arithmetic in C#, in double.</summary>
public class OperatorTests
{
    // Positive, so that every function is defined.
    private static readonly double[] Points = [.. Close.Sample(24).Select(x => 0.05 + Math.Abs(x) / 2.5)];

    private static IEnumerable<TestCaseData> Unary()
    {
        static TestCaseData Case(string name, Func<Tensor, Tensor> op, Func<double, double> reference) =>
            new TestCaseData(op, reference).SetArgDisplayNames(name);

        yield return Case("abs", x => (-x).abs(), x => x);
        yield return Case("neg", x => x.neg(), x => -x);
        yield return Case("exp", x => x.exp(), Math.Exp);
        yield return Case("sqrt", x => x.sqrt(), Math.Sqrt);
        yield return Case("rsqrt", x => x.rsqrt(), x => 1 / Math.Sqrt(x));
        yield return Case("sin", x => x.sin(), Math.Sin);
        yield return Case("cos", x => x.cos(), Math.Cos);
        yield return Case("tanh", x => x.tanh(), Math.Tanh);
        yield return Case("sigmoid", x => x.sigmoid(), x => 1 / (1 + Math.Exp(-x)));
        yield return Case("relu", x => (x - 0.4).relu(), x => Math.Max(0, x - 0.4));
        yield return Case("square", x => x.square(), x => x * x);
        yield return Case("clamp", x => x.clamp(0.2, 0.5), x => Math.Clamp(x, 0.2, 0.5));
        yield return Case("clamp_max", x => x.clamp_max(0.3), x => Math.Min(x, 0.3));
        yield return Case("x + 2", x => x + 2, x => x + 2);
        yield return Case("2 − x", x => 2 - x, x => 2 - x);
        yield return Case("x · 2.5f", x => x * 2.5f, x => x * 2.5);
        yield return Case("−x / 3L", x => -x / 3L, x => -x / 3);
    }

    [TestCaseSource(nameof(Unary))]
    public void Element_by_element_as_in_the_standard_library(Func<Tensor, Tensor> op, Func<double, double> reference)
    {
        using var scope = torch.NewDisposeScope();
        Close.To([.. Points.Select(reference)], op(torch.tensor(Points, [4, 6])), 1e-13);
    }

    [Test]
    public void In_place_forms_write_where_they_are_asked_to_and_return_their_own_tensor()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.tensor(Points);
        var view = x.view(4, 6);
        double[] expected = [.. Points.Select(p => p * 2)];
        Assert.That(x.mul_(2), Is.SameAs(x));
        Close.To(expected, x, 1e-14);
        Close.To(expected, view, 1e-14);

        x.zero_();
        Close.To(new double[24], view);
    }

    [Test]
    public void Binary_operators_broadcast()
    {
        using var scope = torch.NewDisposeScope();
        var a = Close.Sample(3);
        var b = Close.Sample(4, 2);
        var x = torch.tensor(a, [3, 1]);
        var y = torch.tensor(b);
        double[] Each(Func<double, double, double> f) => [.. a.SelectMany(p => b.Select(q => f(p, q)))];

        Assert.That((x + y).shape, Is.EqualTo(new long[] { 3, 4 }));
        Close.To(Each((p, q) => p + q), x + y);
        Close.To(Each((p, q) => p - q), x - y);
        Close.To(Each((p, q) => p * q), x * y);
        Close.To(Each((p, q) => p / q), x / y);
        Close.To(Each((p, q) => p + (0.25 * q)), x.add(y, 0.25));
        Close.To(Each(Math.Max), x.maximum(y));
        Close.To(Each((p, q) => 1 + (2 * p * q)), torch.ones([3, 4], torch.float64).addcmul_(x, y, 2));
        Close.To(Each((p, q) => 1 + (2 * p / q)), torch.ones([3, 4], torch.float64).addcdiv_(x, y, 2));
    }

    [Test]
    public void An_integer_scalar_leaves_an_integer_tensor_integer_and_a_real_one_does_not()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.arange(3);
        Assert.That(x.dtype, Is.EqualTo(ScalarType.Int64));
        Assert.That((x + 1).dtype, Is.EqualTo(ScalarType.Int64));
        Assert.That((x + 1.5).dtype, Is.EqualTo(ScalarType.Float32));
        Close.To([1.5, 2.5, 3.5], x + 1.5);
    }

    [Test]
    public void Products_of_matrices()
    {
        using var scope = torch.NewDisposeScope();
        var a = Close.SampleTensor([2, 3, 4]);
        var b = Close.SampleTensor([2, 4, 5], 2);
        var x = a.data<double>().ToArray();
        var y = b.data<double>().ToArray();
        var expected = new double[2 * 3 * 5];
        for (var n = 0; n < 2; n++)
        {
            for (var i = 0; i < 3; i++)
            {
                for (var j = 0; j < 5; j++)
                {
                    for (var k = 0; k < 4; k++)
                    {
                        expected[(n * 15) + (i * 5) + j] += x[(n * 12) + (i * 4) + k] * y[(n * 20) + (k * 5) + j];
                    }
                }
            }
        }

        Close.To(expected, a.matmul(b));
        Close.To(expected[..15], a[0].mm(b[0]));
    }
}
