// Who judges the pictures of an evaluation is decided here and nowhere else.

using FlowBP.Training.EmbeddedWorld;
using FlowBP.Training.Evaluation;
using FlowBP.Training.Rewards;

namespace FlowBP.Training.Runs;

/// <summary>The judges of an evaluation.</summary>
internal static class PictureJudges
{
    /// <summary>The rewards, and the embedded world's rules if the prompts are of it.</summary>
    /// <param name="prompts">The prompts.</param>
    /// <param name="reward">The training reward.</param>
    /// <param name="heldOut">The held-out reward; null: there is none.</param>
    public static IReadOnlyList<IPictureJudge> Of(
        IReadOnlyList<string> prompts,
        IImageReward reward,
        IImageReward? heldOut
    )
    {
        IPictureJudge?[] judges =
        [
            new RewardJudge(RewardJudge.Training, reward),
            heldOut is null ? null : new RewardJudge(RewardJudge.HeldOut, heldOut),
            ShapesJudge.Of(prompts),
        ];
        return [.. judges.OfType<IPictureJudge>()];
    }
}
