using FlowBP.Families;
using FlowBP.Settings;

namespace FlowBP.Training.Rewards;

/// <summary>Who judges a model, and by which pictures.</summary>
public sealed record JudgeSettings
{
    /// <summary>
    /// Folder of the reward that is trained on, or <see cref="ModelFamilies.Embedded"/>; several with weights, as
    /// <see cref="WeightedReward.Parse"/> reads them.
    /// </summary>
    [Setting(
        "folder of the reward that is trained on; several as PATH:WEIGHT,PATH:WEIGHT, of which the weighted sum is trained on",
        Aliases = ["reward_ckpt_path"]
    )]
    public string Reward { get; init; } = ModelFamilies.Embedded;

    /// <summary>Folder of a reward that only evaluates, or <see cref="ModelFamilies.Embedded"/>; null: none.</summary>
    [Setting("folder of a reward that only evaluates, or none", Name = "heldout_reward")]
    public string? HeldOutReward { get; init; } = ModelFamilies.Embedded;

    /// <summary>File of evaluation prompts, or <see cref="ModelFamilies.Embedded"/>.</summary>
    [Setting("file of held-out prompts, as prompts", Aliases = ["prompts_file"])]
    public string EvalPrompts { get; init; } = ModelFamilies.Embedded;

    /// <summary>At most so many of them; null: all.</summary>
    [Setting("use so many evaluation prompts, evenly taken", 1)]
    public int? EvalPromptsLimit { get; init; }

    /// <summary>Pictures per evaluation prompt.</summary>
    [Setting("pictures per evaluation prompt, each from noise of its own", 1)]
    public int EvalImagesPerPrompt { get; init; } = 3;

    /// <summary>Pictures that an evaluation paints at once; null: as many as their size allows.</summary>
    [Setting("pictures painted and judged at once; none: 32, fewer of large ones, one of 1024 x 1024 pixels", 1)]
    public int? EvalBatchSize { get; init; }

    /// <summary>The training rewards.</summary>
    /// <exception cref="InvalidSettingException">The setting is not a list of them.</exception>
    public IReadOnlyList<WeightedReward> Rewards => WeightedReward.Parse(Reward);

    /// <summary>Folder of the one training reward on this machine.</summary>
    /// <exception cref="InvalidSettingException">There are several.</exception>
    public string RewardFolder =>
        Rewards is [var only]
            ? only.Folder
            : throw new InvalidSettingException($"reward: found {Rewards.Count} rewards, expected one here");

    /// <summary>Folder of the held-out reward on this machine; null: none.</summary>
    public string? HeldOutRewardFolder =>
        HeldOutReward is { } given ? EmbeddedAssets.Resolve(given, () => EmbeddedAssets.HeldOutReward) : null;

    /// <summary>The evaluation prompts.</summary>
    /// <param name="captionKey">Key or column of a prompt.</param>
    /// <exception cref="IOException">The file is not there or can't be read.</exception>
    /// <exception cref="InvalidDataException">The file holds no prompts.</exception>
    public IReadOnlyList<string> Prompts(string captionKey) =>
        PromptFile.Thinned(
            PromptFile.Read(EmbeddedAssets.Resolve(EvalPrompts, () => EmbeddedAssets.TestPrompts), captionKey),
            EvalPromptsLimit
        );
}
