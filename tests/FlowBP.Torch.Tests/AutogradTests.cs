using System.Runtime.InteropServices;

namespace FlowBP.Torch.Tests;

public class AutogradTests
{
    private DisposeScope scope = null!;

    [SetUp]
    public void Open() => scope = torch.NewDisposeScope();

    [TearDown]
    public void CloseScope() => scope.Dispose();

    [Test]
    public void Backward_adds_up_in_the_leaves()
    {
        var x = torch.tensor(new double[] { 1, 2, 3 }, requires_grad: true);
        Assert.That(x.grad, Is.Null);
        (x * x).sum().backward();
        Close.To([2, 4, 6], x.grad!);
        (x * 10).sum().backward();
        Close.To([12, 14, 16], x.grad!);
        x.grad = null;
        Assert.That(x.grad, Is.Null);
    }

    [Test]
    public void Backward_takes_cotangents_and_a_choice_of_leaves()
    {
        var x = torch.tensor(new double[] { 1, 2 }, requires_grad: true);
        var w = torch.tensor(new double[] { 3, 4 }, requires_grad: true);
        var v = torch.tensor(new double[] { 10, 100 });
        var y = x * w;

        torch.autograd.backward([y], [v], retain_graph: true, inputs: [w]);
        Close.To([10, 200], w.grad!);
        Assert.That(x.grad, Is.Null);

        y.backward([v], retain_graph: true);
        Close.To([20, 400], w.grad!);
        Close.To([30, 400], x.grad!);
    }

    [Test]
    public void Grad_touches_no_leaf()
    {
        var x = torch.tensor(new double[] { 1, 2 }, requires_grad: true);
        var unused = torch.ones(1, requires_grad: true);
        var y = x.exp();
        var v = torch.tensor(new double[] { 1, 2 });

        var found = torch.autograd.grad([y], [x, unused], [v], allow_unused: true);

        Close.To([Math.E, 2 * Math.Exp(2)], found[0]);
        Assert.That(found[1], Is.Null);
        Assert.That(x.grad, Is.Null);
    }

    [Test]
    public void A_recorded_backward_gives_second_derivatives()
    {
        var x = torch.tensor(2.0, requires_grad: true);
        var first = torch.autograd.grad([x * x * x], [x], create_graph: true)[0];
        Close.To(12, first);
        Close.To(12, torch.autograd.grad([first], [x])[0]);
    }

    [Test]
    public void Recording_nests()
    {
        var x = torch.ones(1, requires_grad: true);
        Assert.That(torch.is_grad_enabled(), Is.True);
        using (torch.no_grad())
        {
            Assert.That((x * 2).requires_grad, Is.False);
            using (torch.enable_grad())
            {
                Assert.That((x * 2).requires_grad, Is.True);
                using (torch.set_grad_enabled(false))
                {
                    Assert.That(torch.is_grad_enabled(), Is.False);
                }
            }

            Assert.That(torch.is_grad_enabled(), Is.False);
        }

        Assert.That(torch.is_grad_enabled(), Is.True);
    }

    [Test]
    public void Disposing_a_mode_twice_does_nothing()
    {
        var outer = torch.no_grad();
        outer.Dispose();
        using (torch.no_grad())
        {
            outer.Dispose();
            Assert.That(torch.is_grad_enabled(), Is.False);
        }
    }

    [Test]
    public void Recording_is_switched_for_one_thread()
    {
        using var mode = torch.no_grad();
        var elsewhere = false;
        var thread = new Thread(() => elsewhere = torch.is_grad_enabled());
        thread.Start();
        thread.Join();
        Assert.That(elsewhere, Is.True);
    }

    [Test]
    public void Detached_tensors_share_memory_but_no_graph()
    {
        var x = torch.ones(2, requires_grad: true);
        var y = (x * 2).detach();
        Assert.That(y.requires_grad, Is.False);
        y.mul_(5);
        Close.To([10, 10], y);
        Close.To([3, 3], x.detach().mul_(3));
        Close.To([3, 3], x);
    }

    [Test]
    public void Disposing_intermediates_leaves_the_graph_whole()
    {
        var x = torch.tensor(new double[] { 1, 2 }, requires_grad: true);
        Tensor loss;
        using (torch.NewDisposeScope())
        {
            loss = x.exp().sin().sum().MoveToOuterDisposeScope();
        }

        loss.backward();
        Close.To([Math.Cos(Math.E) * Math.E, Math.Cos(Math.Exp(2)) * Math.Exp(2)], x.grad!);
    }

    [Test]
    public void Errors_name_the_shapes()
    {
        var x = torch.ones([2], requires_grad: true);
        var y = x * 2;
        Assert.That(
            () => y.backward(),
            Throws.InstanceOf<ExternalException>().With.Message.Contains("backward of [float32[2]]")
        );
        Assert.That(
            () => torch.autograd.grad([y], [x], [torch.ones(3)]),
            Throws.InstanceOf<ExternalException>().With.Message.Contains("from [float32[3]]")
        );
        Assert.That(
            () => torch.autograd.grad([y], [x], [torch.ones(2), torch.ones(2)]),
            Throws.ArgumentException.With.Message.Contains("2 cotangents for 1 outputs")
        );
        var z = (x * x).sum();
        z.backward();
        Assert.That(() => z.backward(), Throws.InstanceOf<ExternalException>().With.Message.Contains("second time"));
    }
}
