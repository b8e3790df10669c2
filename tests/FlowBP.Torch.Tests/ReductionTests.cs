namespace FlowBP.Torch.Tests;

public class ReductionTests
{
    private static readonly double[] X = Close.Sample(12);

    [Test]
    public void Over_all_elements()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor x = torch.tensor(X, [3, 4]);
        double mean = X.Average();
        double variance = X.Sum(v => (v - mean) * (v - mean)) / 11;

        Close.To(X.Sum(), x.sum());
        Close.To(mean, x.mean());
        Close.To(variance, x.var());
        Close.To(variance * 11 / 12, x.var(unbiased: false));
        Close.To(Math.Sqrt(variance), x.std());
        Close.To(X.Max(), x.max());
        Close.To(X.Min(), x.min());
        Close.To(Array.IndexOf(X, X.Max()), x.argmax());
        Close.To(Array.IndexOf(X, X.Min()), x.argmin());
        Close.To(X.Aggregate((a, b) => a * b), x.prod());
        Close.To(Math.Sqrt(X.Sum(v => v * v)), x.norm());
        Close.To(X.Sum(Math.Abs), x.norm(1f));
        Assert.That((x > 1.99).any().item<bool>(), Is.EqualTo(X.Any(v => v > 1.99)));
        Assert.That((x > -3).all().item<bool>(), Is.True);
    }

    [Test]
    public void Along_axes()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor x = torch.tensor(X, [3, 4]);
        double[][] rows = [.. X.Chunk(4)];
        double[] Rows(Func<double[], double> f) => [.. rows.Select(f)];

        Close.To(Rows(r => r.Sum()), x.sum(1));
        Close.To(Rows(r => r.Sum()), x.sum(-1, keepdim: true));
        Assert.That(x.sum(-1, keepdim: true).shape, Is.EqualTo(new long[] { 3, 1 }));
        Close.To(X.Sum(), x.sum(0, 1));
        Close.To(Rows(r => r.Average()), x.mean([1]));
        Close.To(Rows(r => r.Sum(v => Math.Pow(v - r.Average(), 2)) / 3), x.var(1));
        Close.To(Rows(r => r.Sum(v => Math.Pow(v - r.Average(), 2)) / 4), x.var([1], unbiased: false));
        Close.To(Rows(r => r.Max()), x.amax(1));
        Close.To(Rows(r => r.Min()), x.amin([-1], keepdim: true));
        (Tensor values, Tensor indexes) = x.max(1);
        Close.To(Rows(r => r.Max()), values);
        Close.To(Rows(r => Array.IndexOf(r, r.Max())), indexes);
        Close.To(Rows(r => Array.IndexOf(r, r.Min())), x.argmin(1));
        Close.To(Rows(r => r.Aggregate((a, b) => a * b)), x.prod(1));
        Close.To(Rows(r => Math.Sqrt(r.Sum(v => v * v))), x.norm(1, keepdim: true));
        Close.To(Rows(r => Math.Log(r.Sum(Math.Exp))), x.logsumexp(1));
        double[] Softmax(double[] r) => [.. r.Select(v => Math.Exp(v) / r.Sum(Math.Exp))];
        Close.To([.. rows.SelectMany(Softmax)], x.softmax(-1));
        Close.To([.. rows.SelectMany(Softmax).Select(p => Math.Log(p))], x.log_softmax(1));
        Close.To([.. rows.SelectMany(r => Enumerable.Range(1, 4).Select(n => r[..n].Sum()))], x.cumsum(1));
    }

    [Test]
    public void Order()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor x = torch.tensor(X);
        int[] order = [.. Enumerable.Range(0, 12).OrderBy(i => X[i])];

        Close.To([.. order.Select(i => (double)i)], x.argsort());
        (Tensor sorted, Tensor positions) = x.sort(descending: true);
        Close.To([.. X.OrderDescending()], sorted);
        Close.To([.. order.Reverse().Select(i => (double)i)], positions);
        (Tensor top, Tensor _) = x.topk(3);
        Close.To([.. X.OrderDescending().Take(3)], top);
    }

    [Test]
    public void A_sum_in_another_type_is_taken_in_that_type()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        // 2²⁴ + 1 is no float32.
        Tensor x = torch.tensor(new float[] { 1 << 24, 1 });
        Assert.That(x.sum().item<float>(), Is.EqualTo((float)(1 << 24)));
        Assert.That(x.sum(type: torch.float64).item<double>(), Is.EqualTo((1 << 24) + 1.0));
        Assert.That(torch.tensor(new long[] { 1, 2 }).mean([0], type: torch.float64).item<double>(), Is.EqualTo(1.5));
    }

    [Test]
    public void Closeness_and_equality()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        Tensor x = torch.tensor(X);
        Assert.That(x.equal(x.clone()), Is.True);
        Assert.That(x.equal(x.view(3, 4)), Is.False);
        Assert.That(x.allclose(x + 1e-9), Is.True);
        Assert.That(x.allclose(x + 1e-3), Is.False);
        Assert.That(x.allclose(x + 1e-3, atol: 1e-2), Is.True);
        Close.To([1, 0], torch.tensor([1.0, 2]).isclose(torch.tensor([1.0, 2.1])));
    }
}
