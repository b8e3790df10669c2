// Where the networks of a prediction come from: the configurations of a model folder (never its weights), or the released
// full-size models by name, whose sizes are data here.

using FlowBP.Families;
using FlowBP.Families.Tracing;
using FlowBP.Formats;
using FlowBP.Models.Clip;

namespace FlowBP.Training.Planning;

/// <summary>Finds the networks of a run.</summary>
public static class PlannedModels
{
    /// <summary>The word for "the reward that goes with the model".</summary>
    public const string OwnReward = "auto";

    /// <summary>Names of the models whose sizes are known without a folder.</summary>
    public static IReadOnlyList<string> Names =>
        [.. ModelFamilies.All.Where(family => family.Released is not null).Select(family => family.Name)];

    /// <summary>Finds the networks.</summary>
    /// <param name="model">
    /// A name of <see cref="Names"/>, <c>embedded</c>, a folder in diffusers' layout, or the name of a released repository.
    /// </param>
    /// <param name="reward"><see cref="OwnReward"/>, <see cref="PlannedRewards.HpsV2"/>, <c>embedded</c>, or a reward's folder.</param>
    /// <param name="heldOutReward">The same for a reward that only evaluates; null: none.</param>
    /// <exception cref="CheckpointException">A configuration is missing, damaged, or of a network that is not known.</exception>
    public static PlannedModel Find(string model, string reward = OwnReward, string? heldOutReward = null)
    {
        var isEmbedded = model == ModelFamilies.Embedded;
        var found =
            ReleasedOf(model)?.Invoke()
            ?? PlannedFolder.Read(EmbeddedAssets.Resolve(model, () => EmbeddedAssets.Model));
        var shape = PlannedRewards.Of(
            reward == OwnReward ? (isEmbedded ? ModelFamilies.Embedded : PlannedRewards.HpsV2) : reward
        );
        return found with
        {
            Reward = new TracedClipReward(shape),
            RewardParameters =
                shape.Parameters + (heldOutReward is null ? 0 : PlannedRewards.Parameters(heldOutReward)),
        };
    }

    // A folder that is there is read; the name of a repository stands for what was released under it.
    private static Func<PlannedModel>? ReleasedOf(string model)
    {
        if (ModelFamilies.All.FirstOrDefault(family => family.Name == model)?.Released is { } named)
        {
            return named.Planned;
        }
        var letters = ModelFamilies.LettersOf(model);
        return Directory.Exists(model)
            ? null
            : ModelFamilies
                .All.Select(family => family.Released)
                .FirstOrDefault(released => released?.Endings.Any(letters.EndsWith) ?? false)
                ?.Planned;
    }

    /// <summary>The model with a reward that is trained on.</summary>
    /// <param name="model">The model.</param>
    /// <param name="reward">The reward, in HPSv2's form.</param>
    public static PlannedModel With(this PlannedModel model, OpenClipConfig reward)
    {
        var shape = PlannedRewards.Of("HPSv2", reward);
        return model with { Reward = new TracedClipReward(shape), RewardParameters = shape.Parameters };
    }
}
