using FlowBP.Models.Rewards;
using FlowBP.Models.Tokenizers;
using FlowBP.Surrogates;

namespace FlowBP.Training.Rewards;

/// <summary>A two-tower reward (HPSv2's or PickScore's form): prompts are embedded once, images at every step.</summary>
/// <param name="name">Name for reports.</param>
/// <param name="reward">The reward.</param>
/// <param name="network">The network behind it; frozen and owned by this object.</param>
/// <param name="tokenizer">The network's tokenizer.</param>
public sealed class ClipImageReward(string name, ClipReward reward, nn.Module network, ClipTokenizer tokenizer)
    : IImageReward
{
    private const string TextEmbeds = "text_embeds";

    /// <inheritdoc/>
    public string Name { get; } = name;

    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyCollection<string> prompts)
    {
        using var ids_BL = tokenizer.Tokenize(prompts).to(network.parameters().First().device, disposeAfter: true);
        return new(TextEmbeds, reward.EmbedText(ids_BL).DetachFromDisposeScope());
    }

    /// <inheritdoc/>
    public Tensor Score(Tensor image_BCYX, Conditioning conditioning) =>
        reward.Score(image_BCYX, conditioning[TextEmbeds]);

    /// <inheritdoc/>
    public void Dispose() => network.Dispose();
}
