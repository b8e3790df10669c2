// The default velocity field: any differentiable function of tensors, pulled back by autograd. One graph lives at a time,
// and it is gone when Vjp returns.

namespace FlowBP.Surrogates;

/// <summary>A velocity field made of a differentiable function, such as a module's forward.</summary>
/// <param name="forward">
/// v [B, …] from x [B, …], σ [B] and the conditioning. Its parameters are leaves that require gradients; Vjp adds to
/// their <c>grad</c>.
/// </param>
/// <param name="parameters">These leaves; needed only where their gradients go elsewhere.</param>
public sealed class AutogradVelocityField(
    Func<Tensor, Tensor, Conditioning, Tensor> forward,
    IReadOnlyList<Tensor>? parameters = null
) : IVelocityField
{
    private const string Latents = "the latents x_B";

    /// <summary>The function itself, for those who want the graph (references in tests).</summary>
    public Func<Tensor, Tensor, Conditioning, Tensor> Forward { get; } =
        (x_B, sigma_B, conditioning) =>
            TensorChecks.Shaped("the velocity", forward(x_B, sigma_B, conditioning), x_B.shape, $"as {Latents}");

    /// <inheritdoc/>
    public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning, ForwardTrace? trace = null)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        TensorChecks.RealNumbers(Latents, x_B);
        return Forward(x_B, sigma_B, conditioning).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor? Vjp(
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        Tensor cotangent_B,
        bool wantInputGradient,
        KeptForward? kept = null,
        IParameterGradients? gradients = null
    )
    {
        using var scope = torch.NewDisposeScope();
        using var withGrad = torch.enable_grad();
        TensorChecks.RealNumbers(Latents, x_B);
        TensorChecks.Shaped("the cotangent", cotangent_B, x_B.shape, $"as {Latents}");
        var input = x_B.detach().requires_grad_(wantInputGradient);
        var velocity = Forward(input, sigma_B, conditioning);
        TensorChecks.Differentiable("the velocity", velocity);
        Tensor? pulled;
        if (gradients is null)
        {
            Gradients.Backward([velocity], [cotangent_B.to(velocity.dtype)]);
            pulled = input.grad;
        }
        else
        {
            var leaves = parameters ?? throw new InvalidOperationException("this field was not told its parameters");
            Tensor[] inputs = wantInputGradient ? [input] : [];
            pulled = Pullbacks.Pull([velocity], [cotangent_B], inputs, leaves, gradients).FirstOrDefault();
        }
        // A field that ignores x leaves no gradient there.
        return wantInputGradient ? (pulled ?? torch.zeros_like(x_B)).MoveToOuterDisposeScope() : null;
    }
}
