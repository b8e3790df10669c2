// What a graph keeps of a function is its inputs; what the function makes on its way is made again when it is pulled back, and
// exists for as long as that takes (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost").

namespace FlowBP.Torch;

/// <summary>A function that is run again when it is pulled back (gradient checkpointing of one function).</summary>
/// <remarks>
/// The function must give the same values again: no randomness, no running statistics, and parameters that nobody changes between
/// the forward and the backward pass. First derivatives alone: <c>create_graph</c> is refused.
/// </remarks>
public sealed class Recomputation : torch.autograd.MultiTensorFunction<Recomputation>
{
    private const string CallName = "call";

    /// <inheritdoc/>
    public override string Name => nameof(Recomputation);

    /// <summary>The function's value, differentiable with respect to its inputs and parameters.</summary>
    /// <param name="function">Of the inputs. What it makes on the way is freed, in whatever scope it was made.</param>
    /// <param name="inputs">Tensors of any types; those that require gradients get them.</param>
    /// <param name="parameters">Leaves that the function reads; those that require gradients get them.</param>
    /// <returns>What the function returned, in its order; in the current dispose scope.</returns>
    public static torch.Tensor[] Of(
        Func<IReadOnlyList<torch.Tensor>, IReadOnlyList<torch.Tensor>> function,
        IReadOnlyList<torch.Tensor> inputs,
        IReadOnlyList<torch.Tensor> parameters
    )
    {
        torch.Tensor[] trained = [.. parameters.Where(parameter => parameter.requires_grad)];
        if (!torch.is_grad_enabled() || (trained.Length == 0 && !inputs.Any(input => input.requires_grad)))
        {
            return Values(function, inputs);
        }
        var call = new Call(function, inputs.Count, trained);
        var results = apply([call, .. inputs, .. trained]);
        // TorchSharp gives other objects than those that the function made, which would keep the memory until their scope ends.
        foreach (var made in call.Made.Where(made => !results.Contains(made, ReferenceEqualityComparer.Instance)))
        {
            made.Dispose();
        }
        call.Made = [];
        return [.. results];
    }

    /// <summary>The same for a function of one tensor whose parameters need no gradients.</summary>
    /// <param name="function">Of the input.</param>
    /// <param name="x">The input.</param>
    public static torch.Tensor Of(Func<torch.Tensor, torch.Tensor> function, torch.Tensor x) =>
        Of(inputs => [function(inputs[0])], [x], [])[0];

    /// <inheritdoc/>
    public override List<torch.Tensor> forward(torch.autograd.AutogradContext ctx, params object[] vars)
    {
        var call = (Call)vars[0];
        torch.Tensor[] inputs = [.. vars.Skip(1).Take(call.Inputs).Cast<torch.Tensor>()];
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([.. inputs]);
        ctx.save_data(CallName, call);
        call.Made = Values(call.Function, inputs);
        return [.. call.Made];
    }

    /// <inheritdoc/>
    public override List<torch.Tensor> backward(torch.autograd.AutogradContext ctx, List<torch.Tensor> grad_outputs)
    {
        var call = (Call)ctx.get_data(CallName)!;
        bool[] isTensor = [false, .. Enumerable.Repeat(true, call.Inputs + call.Parameters.Length)];
        return ManagedBackward.Run(grad_outputs, isTensor, () => Pull(ctx, call, grad_outputs));
    }

    private static List<torch.Tensor?> Pull(
        torch.autograd.AutogradContext ctx,
        Call call,
        List<torch.Tensor> grad_outputs
    )
    {
        if (torch.is_grad_enabled())
        {
            throw new NotSupportedException(
                "a recomputed function has first derivatives only: create_graph is not possible through it"
            );
        }
        using var scope = torch.NewDisposeScope();
        using var withGrad = torch.enable_grad();
        torch.Tensor[] leaves =
        [
            .. ctx.get_saved_variables().Select(input => input.detach().requires_grad_(input.requires_grad)),
        ];
        var outputs = call.Function(leaves);
        int[] ends =
        [
            .. Enumerable
                .Range(0, outputs.Count)
                .Where(i => outputs[i].requires_grad && grad_outputs[i] is { IsInvalid: false }),
        ];
        torch.Tensor[] arguments = [.. leaves, .. call.Parameters];
        torch.Tensor[] wanted = [.. arguments.Where(argument => argument.requires_grad)];
        IReadOnlyList<torch.Tensor?> found =
            ends.Length == 0
                ? new torch.Tensor?[wanted.Length]
                : Gradients.Of([.. ends.Select(i => outputs[i])], wanted, [.. ends.Select(i => grad_outputs[i])]);
        List<torch.Tensor?> gradients = [null];
        var next = 0;
        foreach (var argument in arguments)
        {
            gradients.Add(argument.requires_grad ? found[next++]?.MoveToOuterDisposeScope() : null);
        }
        return gradients;
    }

    // The function's values, without anything that it made on the way and never as one of its inputs' own objects.
    private static torch.Tensor[] Values(
        Func<IReadOnlyList<torch.Tensor>, IReadOnlyList<torch.Tensor>> function,
        IReadOnlyList<torch.Tensor> inputs
    )
    {
        using var scope = torch.NewDisposeScope();
        return
        [
            .. function(inputs)
                .Select(value =>
                    (
                        inputs.Contains(value, ReferenceEqualityComparer.Instance) ? value.alias() : value
                    ).MoveToOuterDisposeScope()
                ),
        ];
    }

    private sealed class Call(
        Func<IReadOnlyList<torch.Tensor>, IReadOnlyList<torch.Tensor>> function,
        int inputs,
        torch.Tensor[] parameters
    )
    {
        public Func<IReadOnlyList<torch.Tensor>, IReadOnlyList<torch.Tensor>> Function { get; } = function;

        public int Inputs { get; } = inputs;

        public torch.Tensor[] Parameters { get; } = parameters;

        public torch.Tensor[] Made { get; set; } = [];
    }
}
