using System.Runtime.InteropServices;

namespace FlowBP.Torch.Tests;

/// <summary>Whatever goes wrong in a graph is an exception: with TorchSharp's own function it ends this process.</summary>
public class GradientsTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void Open() => scope = torch.NewDisposeScope();

    [TearDown]
    public void Close() => scope.Dispose();

    [Test]
    public void Gradients_are_those_of_the_closed_form_and_leave_the_leaves_alone()
    {
        var x = Leaf(1, 2, 3);
        var y = Leaf(4, 5, 6);
        var found = Gradients.Of([x * x * y, y.sum()], [x, y], [Values(1, 10, 100), torch.tensor(7.0)]);
        // 2·x·y·c, and x²·c + 7.
        Numbers.Are([8, 200, 3600], found[0]!);
        Numbers.Are([8, 47, 907], found[1]!);
        Assert.That(x.grad, Is.Null);
    }

    [Test]
    public void An_input_without_influence_is_null()
    {
        var x = Leaf(1, 2);
        var unused = Leaf(3);
        var found = Gradients.Of([(x * 3).sum()], [unused, x]);
        Assert.That(found[0], Is.Null);
        Numbers.Are([3, 3], found[1]!);
        Assert.That(Gradients.Of([(x * 3).sum()], [unused]), Is.EqualTo(new Tensor?[] { null }));
    }

    [Test]
    public void What_does_not_fit_is_refused()
    {
        var x = Leaf(1, 2);
        Assert.That(
            () => Gradients.Of([x * 2], [x], [Values(1, 2, 3)]),
            Throws.ArgumentException.With.Message.Contains("output 0 is [2]").And.Message.Contains("[3]")
        );
        Assert.That(() => Gradients.Of([x * 2], [x]), Throws.ArgumentException.With.Message.Contains("missing"));
        Assert.That(
            () => Gradients.Of([x * 2], [x], []),
            Throws.ArgumentException.With.Message.Contains("0 cotangents")
        );
        Assert.That(
            () => Gradients.Of([x * 2], [x], [torch.ones([2], device: torch.META, dtype: torch.float64)]),
            Throws.InstanceOf<Exception>()
        );
    }

    [Test]
    public void What_libtorch_refuses_is_an_exception_with_its_reason()
    {
        var x = Leaf(1, 2);
        var once = (x * x).sum();
        _ = Gradients.Of([once], [x]);
        Assert.That(
            () => Gradients.Of([once], [x]),
            Throws.InstanceOf<ExternalException>().With.Message.Contains("second time")
        );
        Assert.That(
            () => Gradients.Of([torch.ones(1)], [x]),
            Throws.InstanceOf<ExternalException>().With.Message.Contains("does not require grad")
        );
        var changed = x.exp();
        var product = (changed * changed).sum();
        using (torch.no_grad())
        {
            changed.add_(1);
        }
        Assert.That(
            () => Gradients.Of([product], [x]),
            Throws.InstanceOf<ExternalException>().With.Message.Contains("inplace")
        );
        // And the next one works.
        Numbers.Are([2, 4], Gradients.Of([(x * x).sum()], [x])[0]!);
    }

    [Test]
    public void Backward_adds_to_the_leaves()
    {
        var x = Leaf(1, 2);
        Gradients.Backward([(x * x).sum()]);
        Gradients.Backward([x * 3], [Values(1, 10)]);
        Numbers.Are([5, 34], x.grad!);
    }

    [Test]
    public void Threads_get_their_own_gradients()
    {
        var w = Leaf([.. Enumerable.Range(0, 64).Select(i => (double)i)]);
        Parallel.For(
            0,
            200,
            new ParallelOptions { MaxDegreeOfParallelism = 4 },
            turn =>
            {
                using var inner = torch.NewDisposeScope();
                var found = Gradients.Of([(w * turn).sum()], [w])[0]!;
                if (turn % 20 == 0)
                {
                    GC.Collect();
                }
                Numbers.Are([.. Enumerable.Repeat((double)turn, 64)], found);
            }
        );
        Assert.That(w.grad, Is.Null);
    }

    private static Tensor Leaf(params double[] values) => Values(values).requires_grad_();

    private static Tensor Values(params double[] values) => torch.tensor(values);
}
