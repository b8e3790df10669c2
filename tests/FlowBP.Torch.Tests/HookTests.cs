// Hooks on a module's calls, as TorchSharp has them.

namespace FlowBP.Torch.Tests;

public sealed class HookTests
{
    [Test]
    public void A_hook_replaces_the_result_of_call_and_not_of_forward()
    {
        using var scope = torch.NewDisposeScope();
        using var layer = nn.Linear(2, 2);
        var x = torch.ones(1, 2);
        layer.register_forward_hook((_, input, result) => result + input);

        Assert.That(layer.call(x).data<float>().ToArray(), Is.EqualTo(new float[] { 1, 1 }));
        Assert.That(layer.forward(x).data<float>().ToArray(), Is.EqualTo(new float[] { 0, 0 }));
    }

    [Test]
    public void Hooks_run_in_the_order_of_registration_until_they_are_removed()
    {
        using var scope = torch.NewDisposeScope();
        using var layer = nn.Linear(1, 1);
        var x = torch.ones(1, 1);
        var first = layer.register_forward_hook((_, _, result) => result + 3);
        var second = layer.register_forward_hook((_, _, result) => result * 2);

        Assert.That(layer.call(x).item<float>(), Is.EqualTo(6));
        first.remove();
        first.remove();
        Assert.That(layer.call(x).item<float>(), Is.Zero);
        second.remove();
        var third = layer.register_forward_hook((_, _, result) => result + 1);
        Assert.That(layer.call(x).item<float>(), Is.EqualTo(1));
        third.remove();
        Assert.That(layer.call(x).item<float>(), Is.Zero);
    }

    [Test]
    public void Gradients_pass_through_a_hook()
    {
        using var scope = torch.NewDisposeScope();
        using var layer = nn.Linear(1, 1);
        var factor = torch.full([1, 1], 2f).requires_grad_();
        layer.register_forward_hook((_, input, result) => result + input * factor);

        layer.call(torch.full([1, 1], 5f)).sum().backward();

        Assert.That(factor.grad!.item<float>(), Is.EqualTo(5));
    }

    private sealed class Sum : nn.Module<Tensor, Tensor, Tensor>
    {
        public Sum()
            : base(nameof(Sum)) => RegisterComponents();

        public override Tensor forward(Tensor a, Tensor b) => a + b;
    }
}
