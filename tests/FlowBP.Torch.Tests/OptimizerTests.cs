namespace FlowBP.Torch.Tests;

public class OptimizerTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void Open() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    // Loshchilov and Hutter 2019, algorithm 2, one number at a time.
    private sealed class Reference(double start, double lr, double beta1, double beta2, double eps, double decay)
    {
        private double first;
        private double second;
        private double largest;
        private int steps;

        public double Value { get; private set; } = start;

        public void Step(double gradient, bool amsgrad = false)
        {
            steps++;
            first = (beta1 * first) + ((1 - beta1) * gradient);
            second = (beta2 * second) + ((1 - beta2) * gradient * gradient);
            largest = Math.Max(largest, second);
            var firstHat = first / (1 - Math.Pow(beta1, steps));
            var secondHat = (amsgrad ? largest : second) / (1 - Math.Pow(beta2, steps));
            Value = Value - (lr * decay * Value) - (lr * firstHat / (Math.Sqrt(secondHat) + eps));
        }
    }

    [TestCase(false, false)]
    [TestCase(true, false)]
    [TestCase(false, true)]
    public void AdamW_follows_its_formula(bool amsgrad, bool maximize)
    {
        var start = Close.Sample(5);
        var p = nn.Parameter(torch.tensor(start));
        using var optimizer = torch.optim.AdamW([p], 0.1, 0.8, 0.95, 1e-6, 0.2, amsgrad, maximize);
        Reference[] references = [.. start.Select(s => new Reference(s, 0.1, 0.8, 0.95, 1e-6, 0.2))];
        for (var step = 0; step < 20; step++)
        {
            double[] gradient = [.. Close.Sample(5, 100 + step).Select(g => g * (20 - step))];
            p.grad = torch.tensor(gradient);
            optimizer.step();
            for (var i = 0; i < 5; i++)
            {
                references[i].Step(maximize ? -gradient[i] : gradient[i], amsgrad);
            }

            Close.To([.. references.Select(r => r.Value)], p);
        }
    }

    [Test]
    public void Defaults_are_TorchSharps()
    {
        var p = nn.Parameter(torch.tensor(new double[] { 2 }));
        using var optimizer = torch.optim.AdamW([p]);
        p.grad = torch.tensor(new double[] { 5 });
        optimizer.step();
        var reference = new Reference(2, 1e-3, 0.9, 0.999, 1e-8, 0);
        reference.Step(5);
        Close.To(reference.Value, p);
    }

    [Test]
    public void A_parameter_without_a_gradient_neither_moves_nor_ages()
    {
        var p = nn.Parameter(torch.tensor(new double[] { 1 }));
        var q = nn.Parameter(torch.tensor(new double[] { 1 }));
        using var optimizer = torch.optim.AdamW([p, q], weight_decay: 0.1);
        for (var i = 0; i < 3; i++)
        {
            p.grad = torch.tensor(new double[] { 1 });
            optimizer.step();
        }

        Close.To(1, q);
        q.grad = torch.tensor(new double[] { 1 });
        optimizer.step();
        var reference = new Reference(1, 1e-3, 0.9, 0.999, 1e-8, 0.1);
        reference.Step(1);
        Close.To(reference.Value, q);
    }

    [Test]
    public void A_closure_computes_the_loss_with_gradients()
    {
        var p = nn.Parameter(torch.tensor(new double[] { 3 }));
        using var optimizer = torch.optim.AdamW([p], lr: 0.1);
        var loss = optimizer.step(() =>
        {
            var square = (p * p).sum();
            square.backward();
            return square;
        });
        Close.To(9, loss!);
        Close.To(2.9, p, 1e-8);
        optimizer.zero_grad();
        Assert.That(p.grad, Is.Null);
    }

    [Test]
    public void Numbers_out_of_range_are_refused()
    {
        var p = nn.Parameter(torch.ones(1));
        Assert.That(() => torch.optim.AdamW([p], lr: -1), Throws.ArgumentException.With.Message.Contains("lr is -1"));
        Assert.That(() => torch.optim.AdamW([p], beta2: 1), Throws.ArgumentException.With.Message.Contains("beta2"));
        Assert.That(() => torch.optim.AdamW([p], lr: double.NaN), Throws.ArgumentException);
    }

    [TestCase(2.0)]
    [TestCase(1.0)]
    [TestCase(double.PositiveInfinity)]
    public void Clipping_scales_all_gradients_by_one_factor(double p)
    {
        double[][] gradients = [Close.Sample(4), Close.Sample(3, 2)];
        Parameter[] parameters = [.. gradients.Select(g => nn.Parameter(torch.zeros(g.Length, torch.float64)))];
        var without = nn.Parameter(torch.zeros(1));
        void SetGradients()
        {
            for (var i = 0; i < 2; i++)
            {
                parameters[i].grad = torch.tensor(gradients[i]);
            }
        }

        double[] all = [.. gradients.SelectMany(g => g)];
        var norm = double.IsInfinity(p) ? all.Max(Math.Abs) : Math.Pow(all.Sum(g => Math.Pow(Math.Abs(g), p)), 1 / p);

        SetGradients();
        var found = nn.utils.clip_grad_norm_([.. parameters, without], 0.5, p);
        Assert.That(found, Is.EqualTo(norm).Within(1e-12));
        Close.To([.. all.Select(g => g * 0.5 / (norm + 1e-6))], torch.cat([.. parameters.Select(q => q.grad!)]));

        SetGradients();
        nn.utils.clip_grad_norm_(parameters, norm * 2, p);
        Close.To(all, torch.cat([.. parameters.Select(q => q.grad!)]));
    }

    [Test]
    public void Clipping_nothing_gives_zero() =>
        Assert.That(nn.utils.clip_grad_norm_([nn.Parameter(torch.zeros(1))], 1), Is.Zero);
}
