namespace FlowBP.Torch.Tests;

public class ReductionTests
{
    private static readonly double[] X = Close.Sample(12);

    [Test]
    public void Over_all_elements()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.tensor(X, [3, 4]);
        var mean = X.Average();
        var variance = X.Sum(v => (v - mean) * (v - mean)) / 11;

        Close.To(X.Sum(), x.sum());
        Close.To(mean, x.mean());
        Close.To(Math.Sqrt(variance), x.std());
        Close.To(X.Max(), x.max());
        Close.To(Math.Sqrt(X.Sum(v => v * v)), x.norm());
        Close.To(X.Sum(Math.Abs), x.norm(1f));
    }

    [Test]
    public void Along_axes()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.tensor(X, [3, 4]);
        double[][] rows = [.. X.Chunk(4)];
        double[] Rows(Func<double[], double> f) => [.. rows.Select(f)];

        Close.To(Rows(r => r.Sum()), x.sum(1));
        Close.To(Rows(r => r.Sum()), x.sum(-1, keepdim: true));
        Assert.That(x.sum(-1, keepdim: true).shape, Is.EqualTo(new long[] { 3, 1 }));
        Close.To(Rows(r => r.Average()), x.mean([1]));
        Close.To(Rows(r => r.Min()), x.amin([-1], keepdim: true));
        Close.To(Rows(r => Math.Sqrt(r.Sum(v => v * v))), x.norm(1, keepdim: true));
        double[] Softmax(double[] r) => [.. r.Select(v => Math.Exp(v) / r.Sum(Math.Exp))];
        Close.To([.. rows.SelectMany(Softmax)], x.softmax(-1));
    }

    [Test]
    public void A_sum_in_another_type_is_taken_in_that_type()
    {
        using var scope = torch.NewDisposeScope();
        // 2²⁴ + 1 is no float32.
        var x = torch.tensor(new float[] { 1 << 24, 1 });
        Assert.That(x.sum().item<float>(), Is.EqualTo((float)(1 << 24)));
        Assert.That(x.sum(type: torch.float64).item<double>(), Is.EqualTo((1 << 24) + 1.0));
        Assert.That(torch.tensor(new long[] { 1, 2 }).mean([0], type: torch.float64).item<double>(), Is.EqualTo(1.5));
    }
}
