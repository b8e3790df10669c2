// Everything one gradient needs besides the network and the reward, so that the phases take one argument for it.
// Shape legend: B batch, N copies, R rows of the reward (copy-major over re-noised copies and batch), … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>The inputs of one surrogate gradient. Owns nothing.</summary>
public sealed record SurrogateBatch
{
    /// <summary>A plan per sample.</summary>
    public required BatchPlan Plan { get; init; }

    /// <summary>x_0 [B, …], standard normal; rounded to the storage type of the rollout.</summary>
    public required Tensor Noise_B { get; init; }

    /// <summary>What the velocity field is conditioned on, batch B.</summary>
    public required Conditioning Conditioning { get; init; }

    /// <summary>What the reward is conditioned on, batch B.</summary>
    public required Conditioning RewardConditioning { get; init; }

    /// <summary>ε of the re-noised copies [N, B, …], standard normal; null if the plans make none.</summary>
    public Tensor? Renoise_NB { get; init; }

    /// <summary>
    /// ε of the perturbed copies of each reward input [N, R, …], standard normal; null if the reward is not smoothed.
    /// </summary>
    public Tensor? Smoothing_NR { get; init; }
}
