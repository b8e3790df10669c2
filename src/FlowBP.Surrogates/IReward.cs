// What the methods need of a reward: a differentiable score of latents. Decoding, resizing and the scoring network are
// inside; the hinge, the chunking over samples and the pullback are the executor's.
// Shape legend: R rows (samples, or re-noised copies of samples), … the dimensions of one latent.

namespace FlowBP.Surrogates;

/// <summary>A differentiable reward of clean latents.</summary>
public interface IReward
{
    /// <summary>Scores, differentiable with respect to the latents when autograd is on.</summary>
    /// <param name="latents_R">Clean latents [R, …], Float32 (Float64 if the rollout is); the values are rounded to the rollout's storage type, but those of perturbed copies.</param>
    /// <param name="conditioning">What the reward reads besides the image (such as prompt features), batch R.</param>
    /// <returns>Scores [R]; higher is better.</returns>
    Tensor Score(Tensor latents_R, Conditioning conditioning);
}
