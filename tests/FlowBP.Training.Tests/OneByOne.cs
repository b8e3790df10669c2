// Everything one sample at a time: products of other sizes round differently, and a dozen steps of a rollout enlarge that.

using FlowBP.Models.Prompts;
using FlowBP.Surrogates;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Tests;

/// <summary>Encodes prompts one at a time.</summary>
internal sealed class OneByOne(IPromptSource inner) : IPromptSource
{
    public IReadOnlyDictionary<string, Tensor> Encode(IReadOnlyList<string> prompts)
    {
        IReadOnlyDictionary<string, Tensor>[] each = [.. prompts.Select(prompt => inner.Encode([prompt]))];
        return each[0].Keys.ToDictionary(name => name, name => Joined(each.Select(one => one[name])));
    }

    public void To(Device device) => inner.To(device);

    public void Dispose() => inner.Dispose();

    internal static Tensor Joined(IEnumerable<Tensor> parts) => torch.cat([.. parts], 0);
}

/// <summary>Encodes a reward's prompts one at a time.</summary>
internal sealed class OneByOneReward(IImageReward inner) : IImageReward
{
    public string Name => inner.Name;

    public Conditioning Encode(IReadOnlyCollection<string> prompts)
    {
        Conditioning[] each = [.. prompts.Select(prompt => inner.Encode([prompt]))];
        return new(
            each[0].Names.Select(name => KeyValuePair.Create(name, OneByOne.Joined(each.Select(one => one[name]))))
        );
    }

    public Tensor Score(Tensor image_BCYX, Conditioning conditioning) => inner.Score(image_BCYX, conditioning);

    public void Dispose() => inner.Dispose();
}
