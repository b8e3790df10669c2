using FlowBP.Families;
using FlowBP.Training.Pipelines;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Evaluation;

/// <summary>A reward as a judge.</summary>
/// <param name="metric">Name of the metric, for example <c>reward</c>.</param>
/// <param name="reward">The reward; it stays the caller's.</param>
public sealed class RewardJudge(string metric, IImageReward reward) : IPictureJudge
{
    /// <summary>The metric of the reward that is trained on.</summary>
    public const string Training = "reward";

    /// <summary>The metric of a reward that training never sees.</summary>
    public const string HeldOut = "heldout_reward";

    /// <inheritdoc/>
    public string Metric => metric;

    /// <inheritdoc/>
    public bool IsShare => false;

    /// <inheritdoc/>
    public string? Objection(ImageSize size) => null;

    /// <inheritdoc/>
    public IEnumerable<double> Score(Tensor image_BCYX, IReadOnlyList<string> prompts)
    {
        using var conditioning = reward.Encode(prompts);
        var scores = reward.Score(image_BCYX, conditioning).to(ScalarType.Float64).cpu().data<double>().ToArray();
        var wrong = Array.FindIndex(scores, score => !double.IsFinite(score));
        return wrong < 0
            ? scores
            : throw new NonFinitePictureException(
                $"score by the reward {reward.Name} of the picture",
                prompts[wrong],
                "the picture is finite, so the judge is at fault: compute it in a wider type (reward_dtype), or take another one"
            );
    }

    /// <inheritdoc/>
    public IReadOnlyList<PromptGroup> Groups(IReadOnlyList<string> prompts) => [];
}
