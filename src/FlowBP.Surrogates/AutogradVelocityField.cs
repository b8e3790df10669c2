// The default velocity field: any differentiable function of tensors, pulled back by autograd. One graph lives at a time,
// and it is gone when Vjp returns.

namespace FlowBP.Surrogates;

/// <summary>A velocity field made of a differentiable function, such as a module's forward.</summary>
/// <param name="forward">
/// v [B, …] from x [B, …], σ [B] and the conditioning. Its parameters are leaves that require gradients; Vjp adds to
/// their <c>grad</c>.
/// </param>
public sealed class AutogradVelocityField(Func<Tensor, Tensor, Conditioning, Tensor> forward) : IVelocityField
{
    private const string Latents = "the latents x_B";

    /// <summary>The function itself, for those who want the graph (references in tests).</summary>
    public Func<Tensor, Tensor, Conditioning, Tensor> Forward { get; } =
        (x_B, sigma_B, conditioning) =>
            TensorChecks.Shaped("the velocity", forward(x_B, sigma_B, conditioning), x_B.shape, $"as {Latents}");

    /// <inheritdoc/>
    public Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning)
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
        bool wantInputGradient
    )
    {
        using var scope = torch.NewDisposeScope();
        using var withGrad = torch.enable_grad();
        TensorChecks.RealNumbers(Latents, x_B);
        TensorChecks.Shaped("the cotangent", cotangent_B, x_B.shape, $"as {Latents}");
        var input = x_B.detach().requires_grad_(wantInputGradient);
        var velocity = Forward(input, sigma_B, conditioning);
        TensorChecks.Differentiable("the velocity", velocity);
        Gradients.Backward([velocity], [cotangent_B.to(velocity.dtype)]);
        // A field that ignores x leaves no gradient there.
        return wantInputGradient ? (input.grad ?? torch.zeros_like(x_B)).MoveToOuterDisposeScope() : null;
    }
}
