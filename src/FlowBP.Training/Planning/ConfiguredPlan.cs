// The settings of an alignment as settings of a plan. Most have the same name and mean the same; the others are translated here:
// a batch is what one process takes at a time, a picture has two sides, a reward may lie in a folder that is not here yet.

using System.Globalization;
using FlowBP.Families;
using FlowBP.Settings;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Planning;

/// <summary>Plans of configured runs.</summary>
public static class ConfiguredPlan
{
    private const string None = "none";
    private const int PixelsPerToken = 16;

    // Under the same name, with the same meaning, in both.
    private static readonly HashSet<string> Shared =
    [
        "model",
        "gradient_accumulation_steps",
        "rollout_steps",
        "cfg_guidance",
        "cfg_detach_neg",
        "rollout_batch_size",
        "reward_batch_size",
        "vjp_batch_size",
        "gradient_checkpointing",
        "reuse_rollout_blocks",
        "recompute_decode",
        "lora_rank",
        "compute_dtype",
        "reward_dtype",
        "latent_dtype",
        "use_ema",
        "anchor_weight",
        "norm_hinge_weight",
        "compare_to_base",
        "flow_matching_weight",
        "flow_matching_batch_size",
        "reward_smoothing_copies",
        "reward_smoothing_clean",
    ];

    /// <summary>The settings of a plan, by name, as they would be typed.</summary>
    /// <param name="config">The run.</param>
    /// <param name="gpus">GPUs that share an update, each with a batch of its own.</param>
    /// <exception cref="InvalidSettingException">The run has an adapter that a prediction can't count.</exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(AlignmentConfig config, int gpus)
    {
        RefuseUncountedAdapters(config);
        RefuseSeveralRewards(config);
        var ofMethod = config.Method.Settings.Select(setting => setting.Name).ToHashSet();
        var settings = config
            .Resolved()
            .Where(pair => Shared.Contains(pair.Key) || ofMethod.Contains(pair.Key))
            .ToDictionary();
        var batch = config.TrainBatchSize * config.GradientAccumulationSteps * gpus;
        settings["method"] = config.Method.Name;
        settings["batch"] = Text(batch);
        settings["gpus"] = Text(gpus);
        settings["resolution"] = Resolution(config);
        settings["text_encoders"] = config.Model.PromptEmbeds is null ? "resident" : "precomputed";
        settings["reward"] = Reward(config.Judges.Rewards[0].Given, config, PlannedModels.OwnReward);
        settings["heldout_reward"] = Reward(config.Judges.HeldOutReward ?? None, config, None);
        if (config.Training.ActivationMemoryGb is null)
        {
            // Without a figure, automatic means the least.
            Replace(settings, "gradient_checkpointing", "auto", "blocks");
            Replace(settings, "reuse_rollout_blocks", "auto", "off");
        }
        return [.. settings];
    }

    // A prediction knows the layers that adapters of a family usually change, and reads no weights.
    private static void RefuseUncountedAdapters(AlignmentConfig config)
    {
        if (config.Training.LoraTargetModules.Count > 0)
        {
            throw new InvalidSettingException(
                "lora_target_modules: a plan counts the layers that are usual for the model's family; leave it out"
            );
        }
        if (config.Model.LoraWeights is not null)
        {
            throw new InvalidSettingException(
                "lora_weights: a plan reads no weights; give the adapter's rank as lora_rank instead"
            );
        }
    }

    private static void RefuseSeveralRewards(AlignmentConfig config)
    {
        if (config.Judges.Rewards.Count > 1)
        {
            throw new InvalidSettingException(
                "reward: a plan counts one training reward; give the largest one alone (each is pulled back by itself, one after the"
                    + " other)"
            );
        }
    }

    // A square of as many pixels.
    private static string Resolution(AlignmentConfig config)
    {
        if (config.Model.Size is not ({ } height, { } width))
        {
            return None;
        }
        var side = height == width ? height : (int)Math.Sqrt((double)height * width) / PixelsPerToken * PixelsPerToken;
        return Text(side);
    }

    // The embedded rewards judge embedded pictures; a folder that is not here yet is one of the released model's kind.
    private static string Reward(string given, AlignmentConfig config, string otherwise) =>
        given == ModelFamilies.Embedded
            ? config.Model.Model == ModelFamilies.Embedded
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
