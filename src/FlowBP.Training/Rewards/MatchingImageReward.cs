using FlowBP.Models.Rewards;
using FlowBP.Models.Tokenizers;
using FlowBP.Surrogates;

namespace FlowBP.Training.Rewards;

/// <summary>A matching reward: the probability that the image shows what the prompt says, in [0, 1].</summary>
/// <param name="name">Name for reports.</param>
/// <param name="model">The network; frozen and owned by this object.</param>
/// <param name="tokenizer">Its tokenizer.</param>
public sealed class MatchingImageReward(string name, ImageTextMatchingModel model, ClipTokenizer tokenizer)
    : IImageReward
{
    private const string InputIds = "input_ids";

    /// <inheritdoc/>
    public string Name { get; } = name;

    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyCollection<string> prompts) =>
        new(
            InputIds,
            tokenizer
                .Tokenize(prompts)
                .to(model.parameters().First().device, disposeAfter: true)
                .DetachFromDisposeScope()
        );

    /// <inheritdoc/>
    /// <exception cref="ConfigurationException">The images are not of the network's size: unlike a CLIP, it does not resize.</exception>
    public Tensor Score(Tensor image_BCYX, Conditioning conditioning)
    {
        if (image_BCYX.IsInvalid || image_BCYX.dim() != 4)
        {
            throw new ArgumentException(
                $"the reward {Name} scores pictures [B, 3, Y, X], found "
                    + (image_BCYX.IsInvalid ? "a disposed tensor" : $"[{string.Join(", ", image_BCYX.shape)}]")
            );
        }
        var side = model.Config.ImageSize;
        if (image_BCYX.shape[2] != side || image_BCYX.shape[3] != side)
        {
            throw new ConfigurationException(
                $"the reward {Name} scores pictures of {side} × {side} pixels, found {image_BCYX.shape[2]} × "
                    + $"{image_BCYX.shape[3]}: give that size, or name another reward"
            );
        }
        using var scope = torch.NewDisposeScope();
        var image = image_BCYX.to(model.parameters().First().dtype);
        return model.call(image, conditioning[InputIds]).to(image_BCYX.dtype).sigmoid().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();
}
