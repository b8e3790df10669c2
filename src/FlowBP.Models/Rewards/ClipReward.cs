// Rewards that are the agreement of an image with its prompt in CLIP's space. HPSv2 is the bare cosine; PickScore scales
// it by the model's temperature. Text vectors do not depend on the image, so they are computed apart and can be kept. The network
// may compute in a narrower type than the image's: resizing and the cosine, which decide the last digits, stay in float32.
//
// Shapes: B batch, L tokens, P projection, C channels, Y X pixels.

using FlowBP.Models.Clip;

namespace FlowBP.Models.Rewards;

/// <summary>Scores an image by its cosine with its prompt.</summary>
public sealed class ClipReward
{
    private readonly ClipEmbedder embedder;
    private readonly Func<Tensor?> factor;

    private ClipReward(ClipEmbedder embedder, Func<Tensor?> factor)
    {
        this.embedder = embedder;
        this.factor = factor;
    }

    /// <summary>HPSv2's form: the cosine itself, in [−1, 1].</summary>
    /// <param name="embedder">A trained two-tower network.</param>
    public static ClipReward HpsV2(ClipEmbedder embedder) => new(embedder, () => null);

    /// <summary>PickScore's form: the cosine times <c>exp(logit_scale) / 26</c>, which puts usual scores near 0.8.</summary>
    /// <param name="model">A trained CLIP model.</param>
    public static ClipReward PickScore(CLIPModel model) => new(model, () => model.LogitScale.exp() / 26.0);

    /// <summary>Unit vectors of prompts, without autograd.</summary>
    /// <param name="ids_BL">Token ids, int64.</param>
    /// <returns>[B, P].</returns>
    public Tensor EmbedText(Tensor ids_BL)
    {
        using var noGrad = torch.no_grad();
        return embedder.EmbedText(ids_BL);
    }

    /// <summary>One score per image, differentiable with respect to the image.</summary>
    /// <param name="image_BCYX">RGB in [0, 1], any size; Float32, whatever type the network computes in.</param>
    /// <param name="text_BP">See <see cref="EmbedText"/>.</param>
    /// <returns>[B], Float32 at least.</returns>
    public Tensor Score(Tensor image_BCYX, Tensor text_BP)
    {
        using var scope = torch.NewDisposeScope();
        var pixels_BCYX = ClipImagePreprocessing.Apply(image_BCYX, embedder.ImageSize);
        var cosine_B = (Wide(embedder.EmbedImage(pixels_BCYX)) * Wide(text_BP)).sum(-1);
        var scale = factor();
        return (scale is null ? cosine_B : cosine_B * Wide(scale)).MoveToOuterDisposeScope();
    }

    private static Tensor Wide(Tensor x) =>
        x.dtype is ScalarType.BFloat16 or ScalarType.Float16 ? x.to_type(ScalarType.Float32) : x;
}
