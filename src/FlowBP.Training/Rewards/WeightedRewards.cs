// Several rewards as one: the sum of the scores, each times its weight as it was given; nothing is normalised, so a hinge is in units of
// that sum. Each reward is pulled back to the picture by itself, and its graph is gone before the next one's is built. The decoder then
// sees the sum of those gradients: a score that is linear in the picture, with the sum as its value.
// Shape legend: B batch, C channels, Y X pixels, K rewards.

using FlowBP.Surrogates;

namespace FlowBP.Training.Rewards;

/// <summary>A weighted sum of rewards; <see cref="RewardStatistics"/> has the curve of each and the cosines of their gradients.</summary>
public sealed class WeightedRewards : IImageReward
{
    private readonly (string Name, IImageReward Reward, double Weight)[] rewards;
    private readonly RewardStatistics statistics;

    /// <summary>Takes rewards.</summary>
    /// <param name="rewards">At least one, each with its weight; they belong to this object.</param>
    public WeightedRewards(IReadOnlyList<(IImageReward Reward, double Weight)> rewards)
    {
        ArgumentOutOfRangeException.ThrowIfZero(rewards.Count);
        // The second of a name is its second, in curves too.
        this.rewards =
        [
            .. rewards.Select(
                (each, k) =>
                {
                    var earlier = rewards.Take(k).Count(other => other.Reward.Name == each.Reward.Name);
                    var name = earlier == 0 ? each.Reward.Name : $"{each.Reward.Name}#{earlier + 1}";
                    return (name, each.Reward, each.Weight);
                }
            ),
        ];
        statistics = new RewardStatistics([.. this.rewards.Select(each => each.Name)]);
    }

    /// <inheritdoc/>
    public string Name => string.Join('+', rewards.Select(each => each.Name));

    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyCollection<string> prompts)
    {
        Dictionary<string, Tensor> tensors = [];
        for (var k = 0; k < rewards.Length; k++)
        {
            var own = rewards[k].Reward.Encode(prompts);
            foreach (var name in own.Names)
            {
                tensors[Of(k, name)] = own[name];
            }
        }
        return new(tensors);
    }

    /// <inheritdoc/>
    public Tensor Score(Tensor image_BCYX, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        return (
            image_BCYX.requires_grad ? Linear(image_BCYX, conditioning) : Sum(image_BCYX, conditioning)
        ).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public RewardCurves? TakeCurves() => statistics.Take();

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, reward, _) in rewards)
        {
            reward.Dispose();
        }
    }

    private Tensor Sum(Tensor image_BCYX, Conditioning conditioning) =>
        rewards
            .Select((each, k) => each.Reward.Score(image_BCYX, Own(k, conditioning)) * each.Weight)
            .Aggregate((sum_B, next_B) => sum_B + next_B);

    private Tensor Linear(Tensor image_BCYX, Conditioning conditioning)
    {
        var gradient_KBD = new Tensor[rewards.Length];
        var score_KB = new Tensor[rewards.Length];
        for (var k = 0; k < rewards.Length; k++)
        {
            (score_KB[k], gradient_KBD[k]) = Pulled(k, image_BCYX, conditioning);
        }
        using (torch.no_grad())
        {
            statistics.Note(score_KB, gradient_KBD);
        }
        var at_BCYX = image_BCYX.detach();
        var sum_BD = Weighted(gradient_KBD);
        // The difference is zero and carries the gradient.
        return Weighted(score_KB) + ((image_BCYX - at_BCYX).flatten(1) * sum_BD).sum([1]);
    }

    private Tensor Weighted(Tensor[] tensors_K) =>
        tensors_K.Select((tensor, k) => tensor * rewards[k].Weight).Aggregate((sum, next) => sum + next);

    // Scores [B], and their gradients at the picture [B, C·Y·X]: a picture has no part in another one's score.
    private (Tensor Score_B, Tensor Gradient_BD) Pulled(int k, Tensor image_BCYX, Conditioning conditioning)
    {
        using var scope = torch.NewDisposeScope();
        using var withGrad = torch.enable_grad();
        var leaf_BCYX = image_BCYX.detach().requires_grad_(true);
        var score_B = rewards[k].Reward.Score(leaf_BCYX, Own(k, conditioning));
        var gradient =
            Gradients.Of([score_B], [leaf_BCYX], [torch.ones_like(score_B)])[0]
            ?? throw new InvalidOperationException(
                $"the scores of {rewards[k].Name} do not depend on the picture by differentiable operations, so there is no gradient"
                    + " to train with"
            );
        return (score_B.detach().MoveToOuterDisposeScope(), gradient.detach().flatten(1).MoveToOuterDisposeScope());
    }

    // A view: the tensors stay the whole conditioning's.
    private static Conditioning Own(int k, Conditioning conditioning)
    {
        var prefix = Of(k, "");
        return new(
            conditioning
                .Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
                .Select(name => KeyValuePair.Create(name[prefix.Length..], conditioning[name]))
        );
    }

    private static string Of(int k, string name) => $"{k}/{name}";
}
