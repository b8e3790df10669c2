// Which settings a run that goes on may have changed. What decides its numbers may not: the run would be one that no uninterrupted run
// equals, and nothing would say so. What only decides how a number is computed gives other last bits, which is said. What a setting
// names is compared by content, wherever it lies.

using FlowBP.Formats;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Checkpoints;

/// <summary>Compares a run with the one that made a checkpoint.</summary>
internal static class ResumeRules
{
    private static readonly HashSet<string> s_free =
    [
        "output_dir",
        "overwrite",
        "resume_from_checkpoint",
        "checkpoints_total_limit",
        "nonfinite",
        "sample_interval",
        "evaluation_interval",
        "weights_check_interval",
        "gpus",
        "timeout",
    ];

    // Their contents have fingerprints.
    private static readonly HashSet<string> s_byContent =
    [
        "model",
        "transformer",
        "strength_base",
        "lora_weights",
        "prompts",
        "caption_key",
        "prompt_embeds",
        "reward",
        "heldout_reward",
        "eval_prompts",
        "eval_prompts_limit",
        "select_prompts",
        "flow_matching_data",
    ];

    private static readonly HashSet<string> s_lastBits =
    [
        "device",
        "cpu_workers",
        "rollout_batch_size",
        "reward_batch_size",
        "vjp_batch_size",
        "eval_batch_size",
        "reuse_rollout_blocks",
        "gradient_checkpointing",
        "activation_memory_gb",
        "recompute_decode",
        "sharding",
    ];

    /// <summary>Everything that a checkpoint has of the settings of a run.</summary>
    /// <param name="config">The run.</param>
    /// <param name="device">Name of the device that it got.</param>
    public static IReadOnlyDictionary<string, string> Settings(AlignmentConfig config, string device)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, text) in config.Resolved())
        {
            settings[name] = text;
        }
        settings["device"] = device;
        return settings;
    }

    /// <summary>Refuses to go on with a run that is another one.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="config">The run that is to go on.</param>
    /// <param name="device">Name of its device.</param>
    /// <param name="fingerprints">What its settings name.</param>
    /// <param name="notice">Hears of settings that change last bits.</param>
    /// <exception cref="CheckpointException">A setting or a content that decides numbers is another; names it.</exception>
    public static void Require(
        StoredCheckpoint checkpoint,
        AlignmentConfig config,
        string device,
        IReadOnlyDictionary<string, string> fingerprints,
        Action<string> notice
    )
    {
        var manifest = checkpoint.Manifest;
        foreach (var (name, was, now) in Differences(manifest.Settings, Settings(config, device)))
        {
            if (s_free.Contains(name) || s_byContent.Contains(name))
            {
                continue;
            }
            if (s_lastBits.Contains(name))
            {
                notice($"{name} was {was} and is {now}: the run goes on with other last bits");
                continue;
            }
            if (Objection(name, config, manifest.Step) is { } reason)
            {
                throw CheckpointException.ForFile(
                    checkpoint.Folder,
                    $"was made with {name} {was}, and this run has {now}: {reason}"
                );
            }
        }
        foreach (var (name, was, now) in Differences(manifest.Fingerprints, fingerprints))
        {
            throw CheckpointException.ForFile(
                checkpoint.Folder,
                $"was made with another content of {name} (fingerprint {was}, found {now}): a run goes on with what it began with"
            );
        }
    }

    private static string? Objection(string name, AlignmentConfig config, int step) =>
        name switch
        {
            "max_train_steps" when config.LrScheduler == Optimization.LearningRateDecay.Cosine =>
                "the cosine of lr_scheduler depends on it",
            "max_train_steps" => config.MaxTrainSteps < step ? $"{step} steps are made already" : null,
            "checkpointing_steps" when config.Selection.Select != SelectionJudge.None =>
                "select chooses among what it saves",
            "checkpointing_steps" when config.Resuming.Nonfinite == NonFiniteResponse.Rollback =>
                "nonfinite rollback goes back to what it saves",
            "checkpointing_steps" => null,
            _ => "a run that goes on keeps every setting that decides its numbers",
        };

    private static IEnumerable<(string Name, string Was, string Now)> Differences(
        IReadOnlyDictionary<string, string> before,
        IReadOnlyDictionary<string, string> now
    ) =>
        before
            .Keys.Union(now.Keys)
            .Where(name => before.GetValueOrDefault(name) != now.GetValueOrDefault(name))
            // A method has settings of its own, which differ with it.
            .OrderBy(name => name != "method")
            .ThenBy(name => name, StringComparer.Ordinal)
            .Select(name =>
                (name, before.GetValueOrDefault(name) ?? "not there", now.GetValueOrDefault(name) ?? "not there")
            );
}
