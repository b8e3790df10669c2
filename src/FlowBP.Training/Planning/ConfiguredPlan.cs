// The settings of an alignment as settings of a plan. Most have the same name and mean the same; the others are translated here:
// a batch is what one process takes at a time, a picture has two sides, a reward may lie in a folder that is not here yet.

using System.Globalization;
using FlowBP.Settings;
using FlowBP.Training.Alignment;
using S = FlowBP.Training.Configuration.AlignmentSettings;

namespace FlowBP.Training.Planning;

/// <summary>Plans of configured runs.</summary>
public static class ConfiguredPlan
{
    private const string None = "none";
    private const int PixelsPerToken = 16;

    // Under the same name, with the same meaning, in both.
    private static readonly HashSet<string> Shared =
    [
        S.Method.Name,
        S.Model.Name,
        S.GradientAccumulationSteps.Name,
        S.RolloutSteps.Name,
        S.CfgGuidance.Name,
        S.CfgDetachNeg.Name,
        S.RolloutBatchSize.Name,
        S.RewardBatchSize.Name,
        S.VjpBatchSize.Name,
        S.GradientCheckpointing.Name,
        S.ReuseRolloutBlocks.Name,
        S.RecomputeDecode.Name,
        S.LoraRank.Name,
        S.ComputeDtype.Name,
        S.RewardDtype.Name,
        S.LatentDtype.Name,
        S.UseEma.Name,
    ];

    /// <summary>The settings of a plan, by name, as they would be typed.</summary>
    /// <param name="config">The run.</param>
    /// <param name="gpus">GPUs that share an update, each with a batch of its own.</param>
    /// <exception cref="InvalidSettingException">The run has an adapter that a prediction can't count.</exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(AlignmentConfig config, int gpus)
    {
        RefuseUncountedAdapters(config);
        var ofMethod = config.Method.Settings.Select(setting => setting.Name).ToHashSet();
        var settings = config
            .Resolved()
            .Where(pair => Shared.Contains(pair.Key) || ofMethod.Contains(pair.Key))
            .ToDictionary();
        var batch = config.Get(S.TrainBatchSize) * config.Get(S.GradientAccumulationSteps) * gpus;
        settings[S.Method.Name] = config.Method.Name;
        settings[PlanSettings.Batch.Name] = Text(batch);
        settings[PlanSettings.Gpus.Name] = Text(gpus);
        settings[PlanSettings.Resolution.Name] = Resolution(config);
        settings[PlanSettings.TextEncoders.Name] = config.PromptEmbeds is null ? "resident" : "precomputed";
        settings[PlanSettings.Reward.Name] = Reward(config.Get(S.Reward), config, PlannedModels.OwnReward);
        settings[PlanSettings.HeldOutReward.Name] = Reward(config.Get(S.HeldOutReward), config, None);
        if (config.Get(S.ActivationMemoryGb) is null)
        {
            // Without a figure, automatic means the least.
            Replace(settings, S.GradientCheckpointing.Name, "auto", "blocks");
            Replace(settings, S.ReuseRolloutBlocks.Name, "auto", "off");
        }
        return [.. settings];
    }

    // A prediction knows the layers that adapters of a family usually change, and reads no weights.
    private static void RefuseUncountedAdapters(AlignmentConfig config)
    {
        if (config.Get(S.LoraTargetModules).Count > 0)
        {
            throw new InvalidSettingException(
                $"{S.LoraTargetModules.Name}: a plan counts the layers that are usual for the model's family; leave it out"
            );
        }
        if (config.LoraWeights is not null)
        {
            throw new InvalidSettingException(
                $"{S.LoraWeights.Name}: a plan reads no weights; give the adapter's rank as {S.LoraRank.Name} instead"
            );
        }
    }

    // A square of as many pixels.
    private static string Resolution(AlignmentConfig config)
    {
        if (config.Get(S.Height) is not { } height || config.Get(S.Width) is not { } width)
        {
            return None;
        }
        var side = height == width ? height : (int)Math.Sqrt((double)height * width) / PixelsPerToken * PixelsPerToken;
        return Text(side);
    }

    // The embedded rewards judge embedded pictures; a folder that is not here yet is one of the released model's kind.
    private static string Reward(string given, AlignmentConfig config, string otherwise) =>
        given == S.Embedded
            ? config.Get(S.Model) == S.Embedded
                ? given
                : otherwise
            : Directory.Exists(given)
                ? given
                : otherwise;

    private static void Replace(Dictionary<string, string> settings, string name, string from, string to)
    {
        if (settings.TryGetValue(name, out var text) && text == from)
        {
            settings[name] = to;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
