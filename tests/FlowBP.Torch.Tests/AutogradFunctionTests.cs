using System.Runtime.InteropServices;

namespace FlowBP.Torch.Tests;

/// <summary>Functions with a backward of their own.</summary>
public class AutogradFunctionTests
{
    private sealed class Cube : OneResult<Cube>
    {
        public override string Name => nameof(Cube);

        protected override Tensor Forward(torch.autograd.AutogradContext ctx, object[] vars)
        {
            var x = (Tensor)vars[0];
            ctx.save_for_backward([x]);
            ctx.save_data("scale", vars[1]);
            return x * x * x * (double)vars[1];
        }

        protected override List<Tensor> Backward(torch.autograd.AutogradContext ctx, Tensor grad_output)
        {
            var x = ctx.get_saved_variables()[0];
            return [grad_output * x * x * (3 * (double)ctx.get_data("scale")!), null!];
        }
    }

    private sealed class SineAndCosine : torch.autograd.MultiTensorFunction<SineAndCosine>
    {
        public override string Name => nameof(SineAndCosine);

        public override List<Tensor> forward(torch.autograd.AutogradContext ctx, params object[] vars)
        {
            var x = (Tensor)vars[0];
            ctx.set_materialize_grads((bool)vars[1]);
            var sin = x.sin();
            var cos = x.cos();
            ctx.save_for_backward([sin, cos]);
            return [sin, cos, x.to(ScalarType.Int64)];
        }

        public override List<Tensor> backward(torch.autograd.AutogradContext ctx, List<Tensor> grad_outputs)
        {
            var saved = ctx.get_saved_variables();
            Assert.That(grad_outputs, Has.Count.EqualTo(3));
            if (!ctx.MaterializeGrads)
            {
                Assert.That(grad_outputs[1], Is.Null);
                return [grad_outputs[0] * saved[1], null!];
            }

            return [(grad_outputs[0] * saved[1]) - (grad_outputs[1] * saved[0]), null!];
        }
    }

    private sealed class Failing : OneResult<Failing>
    {
        public override string Name => nameof(Failing);

        protected override Tensor Forward(torch.autograd.AutogradContext ctx, object[] vars)
        {
            ctx.save_for_backward([(Tensor)vars[0]]);
            return (string)vars[1] == "forward" ? throw new FormatException("forward") : ((Tensor)vars[0]).clone();
        }

        protected override List<Tensor> Backward(torch.autograd.AutogradContext ctx, Tensor grad_output) =>
            throw new FormatException("the reward is not a number");
    }

    private sealed class Miscounting : OneResult<Miscounting>
    {
        public override string Name => nameof(Miscounting);

        protected override Tensor Forward(torch.autograd.AutogradContext ctx, object[] vars) =>
            ((Tensor)vars[0]).clone();

        protected override List<Tensor> Backward(torch.autograd.AutogradContext ctx, Tensor grad_output) => [];
    }

    private sealed class Itself : OneResult<Itself>
    {
        public override string Name => nameof(Itself);

        protected override Tensor Forward(torch.autograd.AutogradContext ctx, object[] vars) =>
            (bool)vars[1] ? ((Tensor)vars[0]).view(-1) : (Tensor)vars[0];

        protected override List<Tensor> Backward(torch.autograd.AutogradContext ctx, Tensor grad_output) =>
            [(grad_output * 7).view(2, 2), null!];
    }

    [Test]
    public void One_result()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.tensor(new double[] { 1, 2 }, requires_grad: true);
        var y = Cube.apply(x, 0.5);
        Close.To([0.5, 4], y);
        (y * 10).sum().backward();
        Close.To([15, 60], x.grad!);
    }

    [Test]
    public void A_saved_input_keeps_its_graph_for_second_derivatives()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.tensor(2.0, requires_grad: true);
        var first = torch.autograd.grad([Cube.apply(x.sin(), 1.0)], [x], create_graph: true)[0];
        Close.To(3 * Math.Pow(Math.Sin(2), 2) * Math.Cos(2), first);
        var sin = Math.Sin(2);
        var cos = Math.Cos(2);
        Close.To((6 * sin * cos * cos) - (3 * sin * sin * sin), torch.autograd.grad([first], [x])[0]);
    }

    [Test]
    public void Several_results_of_which_some_have_no_gradient()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.tensor(new double[] { 1, 2 }, requires_grad: true);

        var both = SineAndCosine.apply(x, true);
        (both[0] + (both[1] * 2)).sum().backward();
        Close.To([Math.Cos(1) - (2 * Math.Sin(1)), Math.Cos(2) - (2 * Math.Sin(2))], x.grad!);
        Assert.That(both[2].requires_grad, Is.False);

        x.grad = null;
        SineAndCosine.apply(x, true)[0].sum().backward();
        Close.To([Math.Cos(1), Math.Cos(2)], x.grad!);

        x.grad = null;
        SineAndCosine.apply(x, false)[0].sum().backward();
        Close.To([Math.Cos(1), Math.Cos(2)], x.grad!);
    }

    [Test]
    public void An_exception_in_backward_reaches_the_caller()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.ones([2], requires_grad: true);
        var y = Failing.apply(x, "").sum();

        var failure = Assert.Throws<ExternalException>(() => y.backward())!;
        Assert.That(failure.Message, Does.Contain("FormatException in a managed backward: the reward is not a number"));
        Assert.That(failure.Message, Does.Not.Contain('\u0001'));
        Assert.That(failure.InnerException, Is.InstanceOf<FormatException>());

        // The thread and the engine go on working.
        Close.To([2, 2], torch.autograd.grad([(x * x).sum()], [x])[0]);
    }

    [Test]
    public void An_exception_in_a_backward_inside_a_backward_reaches_the_outer_caller()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.ones([1], requires_grad: true);
        Exception failure = Assert.Throws<ExternalException>(() => Nested.apply(x).backward())!;
        Assert.That(failure.InnerException?.InnerException, Is.InstanceOf<FormatException>());
    }

    private sealed class Nested : OneResult<Nested>
    {
        public override string Name => nameof(Nested);

        protected override Tensor Forward(torch.autograd.AutogradContext ctx, object[] vars) =>
            ((Tensor)vars[0]).clone();

        protected override List<Tensor> Backward(torch.autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var mode = torch.enable_grad();
            Failing.apply(torch.ones([1], requires_grad: true), "").backward();
            return [grad_output];
        }
    }

    [Test]
    public void An_exception_in_forward_leaves_nothing_behind()
    {
        using var x = torch.ones([2], requires_grad: true);
        var before = Close.LiveHandles();
        Assert.That(() => Failing.apply(x, "forward"), Throws.InstanceOf<FormatException>());
        Assert.That(Close.LiveHandles(), Is.EqualTo(before));
    }

    [Test]
    public void A_wrong_number_of_gradients_is_an_error_that_names_the_function()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.ones([2], requires_grad: true);
        Assert.That(
            () => Miscounting.apply(x).sum().backward(),
            Throws
                .InstanceOf<ExternalException>()
                .With.Message.Contains("backward of Miscounting returned 0 gradients for 1 arguments")
        );
    }

    [TestCase(false)]
    [TestCase(true)]
    public void A_result_that_is_the_input_itself_or_a_view_of_it_goes_through_the_function(bool view)
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.ones([2, 2], requires_grad: true);
        Itself.apply(x, view).sum().backward();
        Close.To([7, 7, 7, 7], x.grad!);
    }

    [Test]
    public void Without_a_need_for_gradients_nothing_is_recorded()
    {
        using var scope = torch.NewDisposeScope();
        Assert.That(Cube.apply(torch.ones(1), 1.0).requires_grad, Is.False);
        using var mode = torch.no_grad();
        Assert.That(Cube.apply(torch.ones(1, requires_grad: true), 1.0).requires_grad, Is.False);
    }

    [Test]
    public void Saved_tensors_are_freed_with_the_graph()
    {
        using var x = torch.ones([2], requires_grad: true);
        var before = Close.LiveHandles();

        // Freed by backward.
        using (torch.NewDisposeScope())
        {
            var y = SineAndCosine.apply(x, true)[0].sum();
            var open = NativeMemory.LiveHandles;
            y.backward();
            Assert.That(NativeMemory.LiveHandles, Is.EqualTo(open - 2));
        }

        // Freed with the last tensor of the graph, without a backward.
        using (torch.NewDisposeScope())
        {
            SineAndCosine.apply(x, true);
            Cube.apply(x, 1.0);
        }

        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }

    [Test]
    public void A_long_graph_is_freed_without_recursion()
    {
        using var x = torch.ones([1], requires_grad: true);
        var before = Close.LiveHandles();
        // Far too little stack for a destructor's frames per node.
        const int kibibytes = 512;
        var thread = new Thread(
            () =>
            {
                var end = x.alias();
                for (var i = 0; i < 20_000; i++)
                {
                    using var previous = end;
                    using var scope = torch.NewDisposeScope();
                    end = Cube.apply(previous, 1.0).MoveToOuterDisposeScope();
                }

                end.Dispose();
            },
            kibibytes * 1024
        );
        thread.Start();
        thread.Join();
        Assert.That(NativeMemory.LiveHandles, Is.EqualTo(before));
    }

    [Test]
    public void A_backward_twice_needs_the_graph_kept()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.tensor(new double[] { 1 }, requires_grad: true);
        var y = Cube.apply(x, 1.0);
        y.backward(retain_graph: true);
        y.backward();
        Close.To([6], x.grad!);
        Assert.That(
            () => y.backward(),
            Throws.InstanceOf<ExternalException>().With.Message.Contains("retain_graph: true")
        );
    }
}
