// Guidance mixes two outputs of a network. Whoever can mix them on the way into its cache asks for the two.
// Shape legend: B batch, … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>A velocity field that can give the outputs it is mixed from.</summary>
public interface IGuidedBranches : IVelocityField
{
    /// <summary>s in <c>v = v_neg + s·(v_cond − v_neg)</c>.</summary>
    double Scale { get; }

    /// <summary>What <see cref="IVelocityField.Evaluate"/> mixes, without autograd.</summary>
    /// <param name="x_B">As there.</param>
    /// <param name="sigma_B">As there.</param>
    /// <param name="conditioning">As there.</param>
    /// <param name="trace">Receives what is kept for a pullback; null: nothing is.</param>
    VelocityBranches EvaluateBranches(
        Tensor x_B,
        Tensor sigma_B,
        Conditioning conditioning,
        ForwardTrace? trace = null
    );
}

/// <summary>The branches of guidance, in the network's type.</summary>
/// <param name="Conditional_B">v_cond [B, …].</param>
/// <param name="Negative_B">v_neg [B, …]; null: nothing guides, v is v_cond.</param>
public readonly record struct VelocityBranches(Tensor Conditional_B, Tensor? Negative_B);
