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
        yield return Case("expm1", x => x.expm1(), x => Math.Exp(x) - 1);
        yield return Case("log", x => x.log(), Math.Log);
        yield return Case("log1p", x => x.log1p(), x => Math.Log(1 + x));
        yield return Case("log2", x => x.log2(), Math.Log2);
        yield return Case("log10", x => x.log10(), Math.Log10);
        yield return Case("sqrt", x => x.sqrt(), Math.Sqrt);
        yield return Case("rsqrt", x => x.rsqrt(), x => 1 / Math.Sqrt(x));
        yield return Case("sin", x => x.sin(), Math.Sin);
        yield return Case("cos", x => x.cos(), Math.Cos);
        yield return Case("tan", x => x.tan(), Math.Tan);
        yield return Case("asin", x => x.asin(), Math.Asin);
        yield return Case("acos", x => x.acos(), Math.Acos);
        yield return Case("atan", x => x.atan(), Math.Atan);
        yield return Case("sinh", x => x.sinh(), Math.Sinh);
        yield return Case("cosh", x => x.cosh(), Math.Cosh);
        yield return Case("tanh", x => x.tanh(), Math.Tanh);
        yield return Case("sigmoid", x => x.sigmoid(), x => 1 / (1 + Math.Exp(-x)));
        yield return Case("silu", x => x.silu(), x => x / (1 + Math.Exp(-x)));
        yield return Case("relu", x => (x - 0.4).relu(), x => Math.Max(0, x - 0.4));
        yield return Case("floor", x => (x * 5).floor(), x => Math.Floor(x * 5));
        yield return Case("ceil", x => (x * 5).ceil(), x => Math.Ceiling(x * 5));
        yield return Case("round", x => (x * 5).round(), x => Math.Round(x * 5, MidpointRounding.ToEven));
        yield return Case("trunc", x => (x * -5).trunc(), x => Math.Truncate(x * -5));
        yield return Case("sign", x => (x - 0.4).sign(), x => Math.Sign(x - 0.4));
        yield return Case("square", x => x.square(), x => x * x);
        yield return Case("reciprocal", x => x.reciprocal(), x => 1 / x);
        yield return Case("pow", x => x.pow(1.7), x => Math.Pow(x, 1.7));
        yield return Case("pow of tensors", x => x.pow(x), x => Math.Pow(x, x));
        yield return Case("clamp", x => x.clamp(0.2, 0.5), x => Math.Clamp(x, 0.2, 0.5));
        yield return Case("clamp_min", x => x.clamp_min(0.3), x => Math.Max(x, 0.3));
        yield return Case("clamp_max", x => x.clamp_max(0.3), x => Math.Min(x, 0.3));
        yield return Case("remainder", x => (-x).remainder(0.3), x => -x - (0.3 * Math.Floor(-x / 0.3)));
        yield return Case("fmod", x => (-x).fmod(0.3), x => -x % 0.3);
        yield return Case("floor_divide", x => (-x).floor_divide(0.3), x => Math.Floor(-x / 0.3));
        yield return Case("x + 2", x => x + 2, x => x + 2);
        yield return Case("2 − x", x => 2 - x, x => 2 - x);
        yield return Case("x · 2.5f", x => x * 2.5f, x => x * 2.5);
        yield return Case("2 / x", x => 2 / x, x => 2 / x);
        yield return Case("−x / 3L", x => -x / 3L, x => -x / 3);
    }

    [TestCaseSource(nameof(Unary))]
    public void Element_by_element_as_in_the_standard_library(Func<Tensor, Tensor> op, Func<double, double> reference)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Close.To([.. Points.Select(reference)], op(torch.tensor(Points, [4, 6])), 1e-13);
    }

    [Test]
    public void In_place_forms_write_where_they_are_asked_to_and_return_their_own_tensor()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor x = torch.tensor(Points);
        Tensor view = x.view(4, 6);
        Tensor same = x.mul_(2).add_(1).sub_(torch.ones_like(x), 0.5).div_(4).sqrt_().neg_().abs_();

        Assert.That(same, Is.SameAs(x));
        double[] expected = [.. Points.Select(p => Math.Sqrt(((p * 2) + 0.5) / 4))];
        Close.To(expected, x, 1e-14);
        Close.To(expected, view, 1e-14);

        x.zero_();
        Close.To(new double[24], view);
        x.fill_(3).pow_(2).clamp_max_(8).clamp_min_(1);
        Close.To([.. Enumerable.Repeat(8.0, 24)], view);
    }

    [Test]
    public void Binary_operators_broadcast()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        double[] a = Close.Sample(3);
        double[] b = Close.Sample(4, 2);
        Tensor x = torch.tensor(a, [3, 1]);
        Tensor y = torch.tensor(b);
        double[] Each(Func<double, double, double> f) => [.. a.SelectMany(p => b.Select(q => f(p, q)))];

        Assert.That((x + y).shape, Is.EqualTo(new long[] { 3, 4 }));
        Close.To(Each((p, q) => p + q), x + y);
        Close.To(Each((p, q) => p - q), x - y);
        Close.To(Each((p, q) => p * q), x * y);
        Close.To(Each((p, q) => p / q), x / y);
        Close.To(Each((p, q) => p + (0.25 * q)), x.add(y, 0.25));
        Close.To(Each((p, q) => p + (0.25 * (q - p))), x.lerp(y, 0.25));
        Close.To(Each(Math.Max), x.maximum(y));
        Close.To(Each(Math.Min), x.minimum(y));
        Close.To(Each(Math.Atan2), x.atan2(y));
        Close.To(Each((p, q) => p < q ? 1 : 0), x < y);
        Close.To(Each((p, q) => p <= q ? 1 : 0), x <= y);
        Close.To(Each((p, q) => p > q ? 1 : 0), x > y);
        Close.To(Each((p, q) => p >= q ? 1 : 0), x >= y);
        Close.To(Each((p, q) => p > 0 && q > 0 ? 1 : 0), (x > 0).logical_and(y > 0));
        Close.To(Each((p, q) => p > 0 || q > 0 ? 1 : 0), (x > 0).logical_or(y > 0));
        Close.To(Each((p, q) => p > q ? p : -1), torch.where(x > y, x, torch.full([1], -1, torch.float64)));
        Close.To(Each((p, q) => 1 + (2 * p * q)), torch.ones([3, 4], torch.float64).addcmul_(x, y, 2));
        Close.To(Each((p, q) => 1 + (2 * p / q)), torch.ones([3, 4], torch.float64).addcdiv_(x, y, 2));
    }

    [Test]
    public void An_integer_scalar_leaves_an_integer_tensor_integer_and_a_real_one_does_not()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor x = torch.arange(3);
        Assert.That(x.dtype, Is.EqualTo(torch.int64));
        Assert.That((x + 1).dtype, Is.EqualTo(torch.int64));
        Assert.That((x + 1.5).dtype, Is.EqualTo(torch.float32));
        Close.To([1.5, 2.5, 3.5], x + 1.5);
    }

    [Test]
    public void Products_of_matrices()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor a = Close.SampleTensor([2, 3, 4]);
        Tensor b = Close.SampleTensor([2, 4, 5], 2);
        double[] x = a.data<double>().ToArray();
        double[] y = b.data<double>().ToArray();
        var expected = new double[2 * 3 * 5];
        for (int n = 0; n < 2; n++)
        {
            for (int i = 0; i < 3; i++)
            {
                for (int j = 0; j < 5; j++)
                {
                    for (int k = 0; k < 4; k++)
                    {
                        expected[(n * 15) + (i * 5) + j] += x[(n * 12) + (i * 4) + k] * y[(n * 20) + (k * 5) + j];
                    }
                }
            }
        }

        Close.To(expected, a.matmul(b));
        Close.To(expected, a.bmm(b));
        Close.To(expected, torch.einsum("nik,nkj->nij", a, b));
        Close.To(expected[..15], a[0].mm(b[0]));
        Close.To([x[0] * y[0], x[0] * y[1], x[1] * y[0], x[1] * y[1]], torch.outer(a[0, 0, ..2], b[0, 0, ..2]));
        Close.To((x[0] * y[0]) + (x[1] * y[1]), a[0, 0, ..2].dot(b[0, 0, ..2]));
    }
}
