// Draws made for different ends must not share a stream, or adding one draw would shift all the others.

namespace FlowBP.RandomStreams;

/// <summary>
/// What a random stream is used for. The number is part of the stream's address, so it must never change meaning:
/// append new purposes, don't reorder.
/// </summary>
public enum RandomPurpose
{
    /// <summary>x_0 of a rollout.</summary>
    InitialNoise = 0,

    /// <summary>Indices of a plan: stop, split, active set.</summary>
    Indices = 1,

    /// <summary>Noise of re-noised copies (DRaFT-LV).</summary>
    Renoise = 2,

    /// <summary>Order in which prompts are visited.</summary>
    PromptOrder = 3,

    /// <summary>Dropping captions in pretraining.</summary>
    CaptionDropout = 4,

    /// <summary>Timesteps of flow-matching pretraining.</summary>
    Timesteps = 5,

    /// <summary>Generation of training data.</summary>
    Data = 6,

    /// <summary>Initial weights of a network.</summary>
    Weights = 7,

    /// <summary>Resampling for confidence intervals.</summary>
    Bootstrap = 8,

    /// <summary>Augmentation of images.</summary>
    Augmentation = 9,

    /// <summary>The sample drawn from an autoencoder's latent distribution.</summary>
    LatentSample = 10,

    /// <summary>Perturbed copies of what a smoothed reward sees.</summary>
    RewardSmoothing = 11,

    /// <summary>How a prompt is worded.</summary>
    Wording = 12,

    /// <summary>Picture and time of a sample of the flow-matching loss in an alignment.</summary>
    FlowMatching = 13,

    /// <summary>ε of such a sample.</summary>
    FlowMatchingNoise = 14,
}
