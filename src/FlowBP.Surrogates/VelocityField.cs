// How a network of one's own takes part: a module, and a line that says which of its inputs are what.
// Shape legend: B batch, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>Velocity fields of modules.</summary>
public static class VelocityField
{
    /// <summary>
    /// The field of any module. Its parameters are trained where they require gradients: pullbacks add to their <c>grad</c>, and
    /// any optimizer of the tensor library can take it from there.
    /// </summary>
    /// <param name="module">The module; it stays the caller's.</param>
    /// <param name="forward">
    /// v [B, …] from the module, x [B, …] (in the rollout's storage type, BFloat16 unless <see cref="ExecutorOptions.Storage"/>
    /// says otherwise), σ [B] in [0, 1] (Float32) and the conditioning. <c>dx/dσ = v</c>, with noise at σ = 1: a network that was
    /// trained on <c>x₁ − x₀</c> with noise x₀ at time 0 is evaluated at 1 − σ and negated.
    /// </param>
    /// <example>
    /// <code>
    /// var field = VelocityField.Of(network, (net, x, sigma, c) => net.call(x.to(ScalarType.Float32), sigma, c["label"]));
    /// </code>
    /// </example>
    public static AutogradVelocityField Of<TModule>(
        TModule module,
        Func<TModule, Tensor, Tensor, Conditioning, Tensor> forward
    )
        where TModule : nn.Module =>
        new(
            (x_B, sigma_B, conditioning) =>
            {
                using var scope = torch.NewDisposeScope();
                return TensorChecks
                    .RealNumbers("the velocity", forward(module, x_B, sigma_B, conditioning))
                    .MoveToOuterDisposeScope();
            }
        );

    /// <summary>As the other, with the batch divided among threads: small networks on a CPU.</summary>
    /// <param name="module">The module; it stays the caller's.</param>
    /// <param name="forward">As there; it is called from the workers' threads.</param>
    /// <param name="workers">The threads; they stay the caller's.</param>
    public static DataParallelVelocityField Of<TModule>(
        TModule module,
        Func<TModule, Tensor, Tensor, Conditioning, Tensor> forward,
        BatchWorkers workers
    )
        where TModule : nn.Module =>
        new(Of(module, forward), module.parameters().Where(parameter => parameter.requires_grad), workers);
}
