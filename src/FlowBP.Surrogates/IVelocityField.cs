// The seam between the methods and the networks. A method needs two things of a network: its value, and the pullback of
// a cotangent. It never needs the graph, which is why the seam is a pair of calls and not a differentiable function: a
// transformer may recompute block by block, a sharded one may gather and release, and no planner will notice.
// Shape legend: B batch, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>
/// A velocity field <c>v_θ(x, σ, c)</c> with <c>dx/dσ = v</c> (docs/methods.md §1), and its vector-Jacobian products. Two methods are
/// all that a network needs; the others are for fields that know more about themselves.
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
    /// <param name="trace">
    /// Receives what is kept for a later pullback; null: nothing is. Never given to a field that does not
    /// <see cref="KeepsForward">keep</see>.
    /// </param>
    /// <returns>v [B, …], floating point of any width.</returns>
    Tensor Evaluate(Tensor x_B, Tensor sigma_B, Conditioning conditioning, ForwardTrace? trace = null);

    /// <summary>
    /// Adds <c>(∂v/∂θ)ᵀ u</c>, summed over the batch, to the gradients of the parameters.
    /// </summary>
    /// <param name="x_B">As in <see cref="Evaluate"/>.</param>
    /// <param name="sigma_B">As in <see cref="Evaluate"/>.</param>
    /// <param name="conditioning">As in <see cref="Evaluate"/>.</param>
    /// <param name="cotangent_B">u [B, …], Float32 or Float64; cast to the type of the velocity.</param>
    /// <param name="wantInputGradient">Whether to return <c>(∂v/∂x)ᵀ u</c>.</param>
    /// <param name="kept">
    /// What an evaluation at these arguments kept of these samples, in this order, so that no forward is needed; it stays the
    /// caller's; null: nothing. Never given to a field that does not keep.
    /// </param>
    /// <param name="gradients">
    /// Where the gradients of the parameters go; null: where the field's own go. Given only by who divides a batch among workers.
    /// </param>
    /// <returns><c>(∂v/∂x)ᵀ u</c> [B, …], or null if it wasn't asked for.</returns>
    Tensor? Vjp(
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        Tensor cotangent_B,
        bool wantInputGradient,
        KeptForward? kept = null,
        IParameterGradients? gradients = null
    );

    /// <summary>Whether a pullback can start from what an evaluation kept: a decorator's can where the field within can.</summary>
    bool KeepsForward => false;

    /// <summary>s in <c>v = v_neg + s·(v_cond − v_neg)</c>; 1: nothing guides.</summary>
    double Scale => 1;

    /// <summary>What <see cref="Evaluate"/> mixes, for whoever mixes on the way into a cache.</summary>
    /// <param name="x_B">As there.</param>
    /// <param name="sigma_B">As there.</param>
    /// <param name="conditioning">As there.</param>
    /// <param name="trace">As there.</param>
    VelocityBranches EvaluateBranches(
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        ForwardTrace? trace = null
    ) => new(Evaluate(x_B, sigma_B, conditioning, trace), null);

    /// <summary>Decides what can only be decided once, alone on the machine, before parts of a batch run side by side.</summary>
    /// <param name="x_B">As above.</param>
    /// <param name="sigma_B">As above.</param>
    /// <param name="conditioning">As above.</param>
    void Prepare(Tensor x_B, Tensor sigma_B, Conditioning conditioning) { }
}

/// <summary>The branches of guidance, in the network's type.</summary>
/// <param name="Conditional_B">v_cond [B, …].</param>
/// <param name="Negative_B">v_neg [B, …]; null: nothing guides, v is v_cond.</param>
public readonly record struct VelocityBranches(Tensor Conditional_B, Tensor? Negative_B);
