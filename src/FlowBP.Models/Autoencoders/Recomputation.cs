// A decode under autograd is the largest graph of a training step: every residual block keeps half a dozen images. Recomputed,
// a block keeps its input alone, and its graph exists for as long as its own pullback takes.

namespace FlowBP.Models.Autoencoders;

/// <summary>A frozen function that is run again when it is pulled back.</summary>
internal sealed class Recomputation : torch.autograd.SingleTensorFunction<Recomputation>
{
    private const string Function = "function";

    /// <inheritdoc/>
    public override string Name => nameof(Recomputation);

    /// <summary>The function's value, differentiable with respect to its argument alone.</summary>
    /// <param name="function">A function without randomness, whose parameters need no gradients.</param>
    /// <param name="x">Its argument.</param>
    public static Tensor Of(Func<Tensor, Tensor> function, Tensor x) => apply(x, function);

    /// <inheritdoc/>
    public override Tensor forward(torch.autograd.AutogradContext ctx, params object[] vars)
    {
        var x = (Tensor)vars[0];
        var function = (Func<Tensor, Tensor>)vars[1];
        ctx.save_for_backward([x]);
        ctx.save_data(Function, function);
        return function(x);
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(torch.autograd.AutogradContext ctx, Tensor grad_output)
    {
        var function = (Func<Tensor, Tensor>)ctx.get_data(Function)!;
        using var withGrad = torch.enable_grad();
        Tensor x = ctx.get_saved_variables()[0].detach().requires_grad_();
        Tensor y = function(x);
        return [torch.autograd.grad([y], [x], [grad_output])[0], null!];
    }
}
