// HPSv2's networks with random weights: the text tower runs over as many tokens as it always gets, though they mean nothing.

using FlowBP.Models.Clip;
using FlowBP.Models.Rewards;
using FlowBP.Surrogates;
using FlowBP.Training.Rewards;

namespace FlowBP.Benchmarks.FullSize;

internal sealed class RandomReward : IImageReward
{
    private const string TextEmbeds = "text_embeds";
    private const long Stride = 7919;

    private readonly OpenClipModel _network;
    private readonly ClipReward _reward;
    private readonly Device _device;

    /// <param name="values">What the network is filled with.</param>
    /// <param name="type">What it computes in.</param>
    /// <param name="config">Its sizes.</param>
    internal RandomReward(RandomValues values, ScalarType type, OpenClipConfig config)
    {
        _network = RandomNetwork.Build(values, type, () => new OpenClipModel(config));
        _network.eval();
        foreach (var parameter in _network.parameters())
        {
            parameter.requires_grad = false;
        }
        _reward = ClipReward.HpsV2(_network);
        _device = values.Device;
    }

    public string Name => "HPSv2 with random weights";

    public Conditioning Encode(IReadOnlyCollection<string> prompts)
    {
        using var scope = torch.NewDisposeScope();
        var config = _network.Config;
        long[] ids =
        [
            .. Enumerable
                .Range(0, prompts.Count * config.ContextLength)
                .Select(place => (place + 1) * Stride % config.VocabSize),
        ];
        var ids_BL = torch.tensor(ids).reshape(prompts.Count, config.ContextLength).to(_device);
        return new(TextEmbeds, _reward.EmbedText(ids_BL).DetachFromDisposeScope());
    }

    public Tensor Score(Tensor image_BCYX, Conditioning conditioning) =>
        _reward.Score(image_BCYX, conditioning[TextEmbeds]);

    public void Dispose() => _network.Dispose();
}
