// From latents to a score: decode, bring pixels to [0, 1], score. What the surrogates call a reward. Autoencoder and reward each
// compute in the type of their own parameters; latents, pixels and scores are float32 between them.

using FlowBP.Models.Autoencoders;
using FlowBP.Surrogates;

namespace FlowBP.Training.Rewards;

/// <summary>An image reward seen through the decoder.</summary>
/// <param name="vae">What decodes; frozen.</param>
/// <param name="reward">The reward.</param>
public sealed class LatentReward(LatentAutoencoder vae, IImageReward reward) : IReward
{
    /// <inheritdoc/>
    public Tensor Score(Tensor latents_R, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        return reward.Score(Pixels(vae, latents_R), conditioning).MoveToOuterDisposeScope();
    }

    /// <summary>RGB in [0, 1], clamped as the reference does, from scaled latents of any floating type.</summary>
    /// <param name="vae">What decodes.</param>
    /// <param name="latents_BCYX">Scaled latents.</param>
    public static Tensor Pixels(LatentAutoencoder vae, Tensor latents_BCYX)
    {
        using var scope = torch.NewDisposeScope();
        var decoded_BCYX = vae.DecodeScaled(latents_BCYX.to(ScalarType.Float32)).to(ScalarType.Float32);
        return (decoded_BCYX * 0.5 + 0.5).clamp(0, 1).MoveToOuterDisposeScope();
    }
}
