namespace FlowBP.Torch.Tests;

/// <summary>A function with one result and a backward of its own.</summary>
internal abstract class OneResult<T> : torch.autograd.MultiTensorFunction<T>
    where T : OneResult<T>, new()
{
    public static new Tensor apply(params object[] vars) => torch.autograd.MultiTensorFunction<T>.apply(vars)[0];

    public sealed override List<Tensor> forward(torch.autograd.AutogradContext ctx, params object[] vars) =>
        [Forward(ctx, vars)];

    public sealed override List<Tensor> backward(torch.autograd.AutogradContext ctx, List<Tensor> grad_outputs) =>
        Backward(ctx, grad_outputs[0]);

    protected abstract Tensor Forward(torch.autograd.AutogradContext ctx, object[] vars);

    protected abstract List<Tensor> Backward(torch.autograd.AutogradContext ctx, Tensor gradient);
}
