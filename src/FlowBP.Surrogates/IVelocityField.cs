// The seam between the methods and the networks. A method needs two things of a network: its value, and the pullback of
// a cotangent. It never needs the graph, which is why the seam is a pair of calls and not a differentiable function: a
// transformer may recompute block by block, a sharded one may gather and release, and no planner will notice.
// Shape legend: B batch, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>
/// A velocity field <c>v_θ(x, σ, c)</c> with <c>dx/dσ = v</c> (docs/methods.md §1), and its vector-Jacobian products.
/// </summary>
public interface IVelocityField
{
    /// <summary>The velocity, without autograd.</summary>
    /// <param name="x_B">Latents [B, …], in the storage type of the rollout.</param>
    /// <param name="sigma_B">
    /// Time of each sample [B], σ in [0, 1]; Float32 (Float64 if the latents are). The reference networks receive
    /// 1000·σ. The value that the rollout passed for a step is passed again at its re-forward.
    /// </param>
    /// <param name="conditioning">Batch B. Fields that don't guide ignore <see cref="Conditioning.Negative"/>.</param>
    /// <returns>v [B, …], floating point of any width.</returns>
    Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning);

    /// <summary>
    /// Adds <c>(∂v/∂θ)ᵀ u</c>, summed over the batch, to the gradients of the parameters.
    /// </summary>
    /// <param name="x_B">As in <see cref="Evaluate"/>.</param>
    /// <param name="sigma_B">As in <see cref="Evaluate"/>.</param>
    /// <param name="conditioning">As in <see cref="Evaluate"/>.</param>
    /// <param name="cotangent_B">u [B, …], Float32 or Float64; cast to the type of the velocity.</param>
    /// <param name="wantInputGradient">Whether to return <c>(∂v/∂x)ᵀ u</c>.</param>
    /// <returns><c>(∂v/∂x)ᵀ u</c> [B, …], or null if it wasn't asked for.</returns>
    Tensor? Vjp(Tensor x_B, Tensor sigma_B, Conditioning conditioning, Tensor cotangent_B, bool wantInputGradient);
}
