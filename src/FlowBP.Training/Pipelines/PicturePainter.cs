// Prompts become conditionings, noise becomes latents, latents become pictures.

using FlowBP.Surrogates;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Pipelines;

/// <summary>Paints pictures of prompts with a model as it is at the moment.</summary>
/// <param name="model">The model.</param>
/// <param name="field">Its velocity in pictures, which may be guided otherwise than in training; scale 1: without a negative branch.</param>
public sealed class PicturePainter(TextToImage model, GuidedVelocityField field) : IDisposable
{
    // The conditioning of the empty prompt, once it was asked for.
    private Conditioning? empty;

    /// <summary>The conditioning of prompts, with the empty prompt as negative branch where guidance needs one.</summary>
    /// <param name="prompts">The prompts.</param>
    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        var conditioning = Branch(prompts);
        if (model.Field.Scale == 1 && field.Scale == 1)
        {
            return conditioning;
        }
        // The same for all prompts and steps.
        empty ??= Branch([""]).Detach();
        return new(
            conditioning.Names.Select(name => KeyValuePair.Create(name, conditioning[name])),
            empty.Repeat(prompts.Count)
        );
    }

    /// <summary>Samples latents without caching the trajectory.</summary>
    /// <param name="noise_B">x_0 [B, C, Y, X], on any device.</param>
    /// <param name="conditioning">What <see cref="Encode"/> returned.</param>
    /// <param name="steps">N.</param>
    public Tensor Sample(Tensor noise_B, Conditioning conditioning, int steps)
    {
        using var scope = torch.NewDisposeScope();
        var rollout = new Rollout(
            field,
            model.Schedule(steps),
            model.Compute.Kernels,
            ScalarType.Float32,
            fused: model.Compute.RolloutKernels
        );
        return rollout.Sample(noise_B.to(model.Compute.Device), conditioning).MoveToOuterDisposeScope();
    }

    /// <summary>RGB in [0, 1], without autograd.</summary>
    /// <param name="latents_BCYX">Scaled latents.</param>
    public Tensor Decode(Tensor latents_BCYX)
    {
        using var noGrad = torch.no_grad();
        return LatentReward.Pixels(model.Model.Vae, latents_BCYX);
    }

    /// <summary>Pictures of prompts: <see cref="Sample"/>, then <see cref="Decode"/>, and a look at what came of it.</summary>
    /// <param name="noise_B">As for <see cref="Sample"/>.</param>
    /// <param name="conditioning">What <see cref="Encode"/> returned.</param>
    /// <param name="steps">N.</param>
    /// <param name="prompts">Names the pictures, one each.</param>
    /// <exception cref="NonFiniteException">The latents or a picture are not finite.</exception>
    public Tensor Paint(Tensor noise_B, Conditioning conditioning, int steps, IReadOnlyList<string> prompts)
    {
        using var scope = torch.NewDisposeScope();
        var image_BCYX = Decode(Sample(noise_B, conditioning, steps));
        var sum_B = image_BCYX.sum([1, 2, 3]).cpu().data<float>().ToArray();
        var wrong = Array.FindIndex(sum_B, sum => !float.IsFinite(sum));
        return wrong < 0
            ? image_BCYX.MoveToOuterDisposeScope()
            : throw new NonFinitePictureException(
                "decoded picture",
                prompts[wrong],
                "the latents are, so the autoencoder is at fault: look at its weights, or at reward_dtype where it is narrow"
            );
    }

    /// <inheritdoc/>
    public void Dispose() => empty?.Dispose();

    private Conditioning Branch(IReadOnlyList<string> prompts) =>
        model.Model.Condition(model.Model.Prompts.Encode(prompts));
}
