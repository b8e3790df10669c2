// A reward as training and evaluation need it: it turns prompts into whatever it reads them as, and scores images.
// Shape legend: B batch, C channels, Y X pixels.

using FlowBP.Surrogates;

namespace FlowBP.Training.Rewards;

/// <summary>A differentiable score of how well images match their prompts.</summary>
public interface IImageReward : IDisposable
{
    /// <summary>Name for reports: the folder's name.</summary>
    string Name { get; }

    /// <summary>What the reward reads of some prompts, without autograd.</summary>
    /// <param name="prompts">The prompts.</param>
    Conditioning Encode(IReadOnlyCollection<string> prompts);

    /// <summary>One score per image, differentiable with respect to the image where autograd is on.</summary>
    /// <param name="image_BCYX">RGB in [0, 1].</param>
    /// <param name="conditioning">What <see cref="Encode"/> returned for the prompts of these images.</param>
    /// <returns>[B]; higher is better.</returns>
    Tensor Score(Tensor image_BCYX, Conditioning conditioning);

    /// <summary>
    /// What the rewards that this one is made of said of the pictures that were scored with autograd since the last call; null: nothing,
    /// or it is one reward.
    /// </summary>
    RewardCurves? TakeCurves() => null;
}
