namespace FlowBP.Torch.Tests;

/// <summary>Layers and functions against loops in double.</summary>
public class LayerTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void Open() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    private static void Fill(nn.Module module)
    {
        var seed = 10;
        using var mode = torch.no_grad();
        foreach (var parameter in module.parameters())
        {
            parameter.copy_(Close.SampleTensor(parameter.shape, seed++));
        }
    }

    private static double[] Numbers(Tensor x) => x.detach().to(torch.float64).data<double>().ToArray();

    [Test]
    public void Linear_is_a_product_with_the_transposed_weight()
    {
        using var layer = nn.Linear(4, 3, dtype: torch.float64);
        Fill(layer);
        var w = Numbers(layer.weight);
        var b = Numbers(layer.bias!);
        var x = Close.Sample(8);
        var expected = new double[6];
        for (var n = 0; n < 2; n++)
        {
            for (var o = 0; o < 3; o++)
            {
                expected[(n * 3) + o] = b[o] + Enumerable.Range(0, 4).Sum(i => x[(n * 4) + i] * w[(o * 4) + i]);
            }
        }

        Close.To(expected, layer.call(torch.tensor(x, [2, 4])));
        Assert.That((layer.in_features, layer.out_features), Is.EqualTo((4L, 3L)));
    }

    [TestCase(1, 0, 1, 1, PaddingModes.Zeros)]
    [TestCase(2, 1, 1, 1, PaddingModes.Zeros)]
    [TestCase(1, 2, 2, 1, PaddingModes.Zeros)]
    [TestCase(1, 1, 1, 2, PaddingModes.Zeros)]
    [TestCase(1, 1, 1, 1, PaddingModes.Reflect)]
    [TestCase(1, 1, 1, 1, PaddingModes.Replicate)]
    [TestCase(1, 1, 1, 1, PaddingModes.Circular)]
    public void Conv2d_is_a_correlation(int stride, int padding, int dilation, int groups, PaddingModes mode)
    {
        const int Channels = 4;
        const int Out = 2;
        const int H = 6;
        const int W = 5;
        using var layer = nn.Conv2d(
            Channels,
            Out,
            3,
            stride: stride,
            padding: padding,
            dilation: dilation,
            padding_mode: mode,
            groups: groups,
            dtype: torch.float64
        );
        Fill(layer);
        var w = Numbers(layer.weight);
        var b = Numbers(layer.bias!);
        var x = Close.Sample(Channels * H * W);
        int Outside(int i, int size) =>
            (uint)i < (uint)size
                ? i
                : mode switch
                {
                    PaddingModes.Reflect => i < 0 ? -i : (2 * size) - 2 - i,
                    PaddingModes.Replicate => Math.Clamp(i, 0, size - 1),
                    PaddingModes.Circular => (i + size) % size,
                    _ => -1,
                };
        var oh = ((H + (2 * padding) - (dilation * 2) - 1) / stride) + 1;
        var ow = ((W + (2 * padding) - (dilation * 2) - 1) / stride) + 1;
        var perGroup = Channels / groups;
        var expected = new List<double>();
        for (var o = 0; o < Out; o++)
        {
            for (var i = 0; i < oh; i++)
            {
                for (var j = 0; j < ow; j++)
                {
                    var sum = b[o];
                    for (var c = 0; c < perGroup; c++)
                    {
                        for (var k = 0; k < 9; k++)
                        {
                            var y = Outside((i * stride) - padding + (k / 3 * dilation), H);
                            var z = Outside((j * stride) - padding + (k % 3 * dilation), W);
                            var channel = (o / (Out / groups) * perGroup) + c;
                            sum +=
                                y < 0 || z < 0
                                    ? 0
                                    : w[(((o * perGroup) + c) * 9) + k] * x[(((channel * H) + y) * W) + z];
                        }
                    }

                    expected.Add(sum);
                }
            }
        }

        var result = layer.call(torch.tensor(x, [1, Channels, H, W]));
        Assert.That(result.shape, Is.EqualTo(new long[] { 1, Out, oh, ow }));
        Close.To([.. expected], result);
    }

    private static double[] Normalised(double[] group, double eps)
    {
        var mean = group.Average();
        var deviation = Math.Sqrt(group.Average(v => (v - mean) * (v - mean)) + eps);
        return [.. group.Select(v => (v - mean) / deviation)];
    }

    [Test]
    public void LayerNorm_normalises_the_last_axes()
    {
        using var layer = nn.LayerNorm(4, eps: 1e-2, dtype: torch.float64);
        Fill(layer);
        var w = Numbers(layer.weight!);
        var b = Numbers(layer.bias!);
        var x = Close.Sample(12);
        Close.To(
            [.. x.Chunk(4).SelectMany(r => Normalised(r, 1e-2).Select((v, i) => (v * w[i]) + b[i]))],
            layer.call(torch.tensor(x, [3, 4]))
        );
    }

    [Test]
    public void GroupNorm_normalises_each_group_of_channels()
    {
        using var layer = nn.GroupNorm(2, 4, eps: 1e-3, dtype: torch.float64);
        Fill(layer);
        var w = Numbers(layer.weight!);
        var b = Numbers(layer.bias!);
        var x = Close.Sample(2 * 4 * 3);
        double[] normalised = [.. x.Chunk(6).SelectMany(g => Normalised(g, 1e-3))];
        Close.To(
            [.. normalised.Select((v, i) => (v * w[i / 3 % 4]) + b[i / 3 % 4])],
            layer.call(torch.tensor(x, [2, 4, 3, 1]))
        );
    }

    [Test]
    public void Embedding_takes_rows_and_sends_gradients_back_to_them()
    {
        using var layer = nn.Embedding(4, 2, padding_idx: 0, dtype: torch.float64);
        Fill(layer);
        var w = Numbers(layer.weight);
        var y = layer.call(torch.tensor(new long[] { 3, 0, 3 }));
        Close.To([w[6], w[7], w[0], w[1], w[6], w[7]], y);
        y.sum().backward();
        Close.To([0, 0, 0, 0, 0, 0, 2, 2], layer.weight.grad!);
    }

    private static double Erf(double x)
    {
        // ∫ by Simpson's rule, 2000 panels: 1e-13 on [−3, 3].
        const int N = 2000;
        var h = x / N;
        var sum = 1 + Math.Exp(-x * x);
        for (var i = 1; i < N; i++)
        {
            sum += (i % 2 == 0 ? 2 : 4) * Math.Exp(-(i * h) * (i * h));
        }

        return 2 / Math.Sqrt(Math.PI) * sum * h / 3;
    }

    [Test]
    public void Activations()
    {
        double[] x = [.. Close.Sample(40), 0, 30];
        double[] Each(Func<double, double> f) => [.. x.Select(f)];
        var t = torch.tensor(x);
        double Tanh(double v) => 0.5 * v * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (v + (0.044715 * v * v * v))));
        double Exact(double v) => v > 20 ? v : 0.5 * v * (1 + Erf(v / Math.Sqrt(2)));

        Close.To(Each(v => v / (1 + Math.Exp(-v))), nn.SiLU().call(t));
        Close.To(Each(Exact), F.gelu(t), 1e-11);
        Close.To(Each(Tanh), F.gelu(t, GELU.Approximate.tanh), 1e-11);
        Close.To(x, nn.Identity().call(t));
        var written = t.clone();
        Assert.That(F.silu(written, inplace: true), Is.SameAs(written));
        Close.To(Each(v => v / (1 + Math.Exp(-v))), written);
    }

    [Test]
    public void Dropout_scales_what_it_keeps_and_does_nothing_in_evaluation()
    {
        using var layer = nn.Dropout(0.25);
        var x = torch.ones(10_000);
        var kept = layer.call(x).data<float>().ToArray();
        Assert.That(kept, Has.All.Matches<float>(v => v == 0 || v == 1 / 0.75f));
        // Five standard deviations of a binomial of 10000 draws.
        Assert.That(kept.Count(v => v == 0), Is.EqualTo(2500).Within(217));
        layer.eval();
    }

    [Test]
    public void Normalize_and_cosine_similarity()
    {
        var x = Close.Sample(6);
        var y = Close.Sample(6, 2);
        double[][] rows = [.. x.Chunk(3)];
        double Norm(double[] r) => Math.Sqrt(r.Sum(v => v * v));
        Close.To(
            [.. rows.Zip(y.Chunk(3), (a, b) => a.Zip(b, (p, q) => p * q).Sum() / (Norm(a) * Norm(b)))],
            F.cosine_similarity(torch.tensor(x, [2, 3]), torch.tensor(y, [2, 3]))
        );
    }

    [Test]
    public void Losses_combine_as_they_are_told()
    {
        var x = Close.Sample(6);
        var y = Close.Sample(6, 2);
        var a = torch.tensor(x, [2, 3]);
        var b = torch.tensor(y, [2, 3]);
        double[] squares = [.. x.Zip(y, (p, q) => (p - q) * (p - q))];
        double[] distances = [.. x.Zip(y, (p, q) => Math.Abs(p - q))];

        Close.To(squares.Average(), F.mse_loss(a, b));
        Close.To(squares.Sum(), F.mse_loss(a, b, nn.Reduction.Sum));
        Close.To(squares, F.mse_loss(a, b, nn.Reduction.None));
        Close.To(distances.Average(), F.l1_loss(a, b));

        double[] targets = [.. y.Select(v => 1 / (1 + Math.Exp(-v)))];
        Close.To(
            x.Zip(targets, (v, t) => Math.Log(1 + Math.Exp(v)) - (t * v)).Average(),
            F.binary_cross_entropy_with_logits(a, torch.tensor(targets, [2, 3]))
        );

        double LogSoftmax(int row, int c) => x[(row * 3) + c] - Math.Log(x.Skip(row * 3).Take(3).Sum(v => Math.Exp(v)));
        var classes = torch.tensor(new long[] { 2, 0 });
        Close.To(-(LogSoftmax(0, 2) + LogSoftmax(1, 0)) / 2, F.cross_entropy(a, classes));
        Close.To(-LogSoftmax(1, 0), F.cross_entropy(a, torch.tensor(new long[] { -100, 0 })));
        var uniform = -Enumerable.Range(0, 6).Average(i => LogSoftmax(i / 3, i % 3));
        Close.To(
            (0.9 * -(LogSoftmax(0, 2) + LogSoftmax(1, 0)) / 2) + (0.1 * uniform),
            F.cross_entropy(a, classes, label_smoothing: 0.1)
        );
    }

    [Test]
    public void Gradients_of_a_small_network_are_its_slopes()
    {
        var at = Close.Sample(3);
        var x = torch.tensor(at, [1, 3], requires_grad: true);
    }
}
