// Paths that several commands take by the same settings, with the words `embedded` and `none` understood in one place.

using FlowBP.Families;
using FlowBP.Settings;
using S = FlowBP.Training.Configuration.AlignmentSettings;

namespace FlowBP.Training.Configuration;

/// <summary>Where the parts of a run lie.</summary>
internal static class SettingPaths
{
    private const string None = "none";

    /// <summary>Folder of the model.</summary>
    public static string ModelFolder(this SettingValues values) => ModelFiles.Of(values.GivenModel(), null).Folder;

    /// <summary>The model as it is given: a folder, or a single-file checkpoint.</summary>
    public static string GivenModel(this SettingValues values) => ModelFolder(values.Get(S.Model));

    /// <summary>Folder of a model that is given as a path or as <c>embedded</c>.</summary>
    public static string ModelFolder(string given) => EmbeddedAssets.Resolve(given, () => EmbeddedAssets.Model);

    /// <summary>Folder of the training reward.</summary>
    public static string RewardFolder(this SettingValues values) =>
        EmbeddedAssets.Resolve(values.Get(S.Reward), () => EmbeddedAssets.Reward);

    /// <summary>Folder of the held-out reward; null: none.</summary>
    public static string? HeldOutRewardFolder(this SettingValues values) =>
        values.PathOf(S.HeldOutReward) is { } given
            ? EmbeddedAssets.Resolve(given, () => EmbeddedAssets.HeldOutReward)
            : null;

    /// <summary>File of evaluation prompts.</summary>
    public static string EvaluationPrompts(this SettingValues values) =>
        EmbeddedAssets.Resolve(values.Get(S.EvalPrompts), () => EmbeddedAssets.HeldOutPrompts);

    /// <summary>A path as given; null for <c>none</c>.</summary>
    public static string? PathOf(this SettingValues values, Setting<string> setting) =>
        values.Get(setting) is var given && given == None ? null : given;
}
