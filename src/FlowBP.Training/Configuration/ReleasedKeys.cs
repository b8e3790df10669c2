// Every key that the released trainers read from their configuration files, by section, and what it is here. The table is the
// whole truth about that format: parsing, suggestions for misspelt keys and the report of --dry-run are made of it.
// `fsdp_sharding_startegy` is spelt as released.

using System.Globalization;
using FlowBP.Settings;
using static FlowBP.Settings.SettingOf;
using static FlowBP.Training.Configuration.ReleasedKeyKinds;
using M = FlowBP.Surrogates.MethodSettings;
using S = FlowBP.Training.Configuration.AlignmentSettings;

namespace FlowBP.Training.Configuration;

/// <summary>The keys of the released configurations.</summary>
internal static class ReleasedKeys
{
    /// <summary>The judges of an evaluation, each with its weight in an average.</summary>
    public const string Judges = "eval.reward_fn";

    // Sections that another name of the same trainer answers to.
    private static readonly Dictionary<string, string> SectionAliases = new()
    {
        ["leapalign"] = "flowbp",
        ["flowbp-sparse"] = "flowbp_sparse",
        ["flowbp-bridge"] = "flowbp_bridge",
        ["flowbp-lagrange"] = "flowbp_lagrange",
    };

    /// <summary>All keys.</summary>
    public static IReadOnlyList<ReleasedKey> All { get; } =
    [
        .. In("trainer", Converts(TrainerName, name => (S.Method, ReleasedMethods.Ours(name)))),
        .. In(
            "model",
            Is(S.Model, "pretrained_model_name_or_path"),
            Converts(
                Flag("gradient_checkpointing", false, "recompute activations"),
                on => (S.GradientCheckpointing, bool.Parse(on) ? "blocks" : "none")
            ),
            Converts(
                Word("master_weight_type", "bf16", ["bf16", "fp32"], "what the sharded weights are cast to"),
                type => (S.ComputeDtype, type)
            ),
            Is(S.UseEma, "use_ema"),
            Is(S.EmaDecay, "ema_decay")
        ),
        .. In(
            "data",
            Becomes(Text("data_json_path", "", "index of prompts and their embeddings"), Prompts),
            Only(Integer("num_latent_t", 1, 1, "frames"), "1", "pictures have one frame"),
            Only(
                Number("cfg", 0, 0, 1, "probability of an empty prompt in training"),
                "0",
                "prompts are never dropped in training"
            ),
            Nothing(
                Integer("dataloader_num_workers", 4, 0, "processes that read data"),
                "prompts and embeddings are read by the run itself"
            )
        ),
        .. In(
            "train",
            Is(S.Seed, "seed"),
            Is(S.TrainBatchSize, "train_batch_size"),
            Nothing(
                Integer("train_sp_batch_size", 4, 1, "batch of a sequence-parallel group"),
                "sp_size is 1, so a group is one process and its batch is train_batch_size"
            ),
            Is(S.GradientAccumulationSteps, "gradient_accumulation_steps"),
            Is(S.MaxTrainSteps, "max_train_steps"),
            Is(S.CheckpointingSteps, "checkpointing_steps"),
            Is(S.OutputDir, "output_dir"),
            Nothing(
                Flag("allow_tf32", false, "TF32 in matrix products of float32"),
                "it permits less precision than is used: products are computed in compute_dtype"
            ),
            Only(Flag("debug", false, "stop after a step"), "false", "there is no such mode; --dry-run checks a run"),
            Only(
                Integer("connector_dump_interval", 0, 0, "steps between dumps of latents"),
                "0",
                "latents are not dumped; metrics.jsonl has the deviations"
            ),
            Nothing(OptionalText("connector_dump_dir", "folder of dumps"), "latents are not dumped"),
            Only(
                Integer("connector_wandb_interval", 0, 0, "steps between logged pictures of connectors"),
                "0",
                "connectors are not pictured; metrics.jsonl has the deviations"
            ),
            Nothing(
                Integer("connector_wandb_num_samples", 2, 0, "logged pictures of connectors"),
                "connectors are not pictured"
            ),
            Only(OptionalText("resume_from_checkpoint", "folder to resume from"), "none", "a run can't be resumed yet")
        ),
        .. In(
            "optimizer",
            Is(S.LearningRate, "learning_rate"),
            Is(S.WeightDecay, "weight_decay"),
            Is(S.LrScheduler, "lr_scheduler"),
            Is(S.LrWarmupSteps, "lr_warmup_steps"),
            Only(Integer("lr_num_cycles", 1, 1, "restarts of a cosine"), "1", "a learning rate is never restarted"),
            Nothing(Number("lr_power", 1, 0, 100, "exponent of a polynomial decay"), "no decay here is a polynomial"),
            Is(S.MaxGradNorm, "max_grad_norm")
        ),
        .. In(
            "distributed",
            Only(
                Integer("sp_size", 1, 1, "processes per sequence"),
                "1",
                "a sequence is never divided among processes"
            ),
            Nothing(
                Word("fsdp_sharding_startegy", "full", ["full", "hybrid_full", "none", "hybrid_zero2"], "sharding"),
                "a run is one process, which has nobody to share its parameters with"
            ),
            Only(
                Number("selective_checkpointing", 1, 0, 1, "share of blocks that are recomputed"),
                "1",
                "set gradient_checkpointing to a number of blocks instead"
            ),
            Only(
                Flag("use_cpu_offload", false, "keep parameters in main memory"),
                "false",
                "parameters stay where they are computed with"
            )
        ),
        .. In(
            "sampling",
            Is(S.Height, "h"),
            Is(S.Width, "w"),
            Becomes(Integer("sampling_steps", 25, 1, "steps of the rollout"), RolloutSteps),
            Is(S.RolloutSteps, "rollout_steps"),
            Is(S.SamplerSeed, "sampler_seed"),
            Is(S.CfgGuidance, "cfg_guidance")
        ),
        .. In(
            "reward",
            OnlyAs(
                Flag("use_hpsv2", true, "train on HPSv2"),
                "true",
                "it is the only reward of that format; name another folder with reward",
                "the reward that is trained on: the folder hpsv2 of eval.reward_ckpt_path"
            ),
            Is(S.LossGradScale, "loss_grad_scale"),
            Is(S.HingeLambda, "loss_relu_clip")
        ),
        .. In(
            "flowbp",
            Is(S.SelectIdxSeed, "select_idx_seed"),
            IsOrNothing(M.MinIdx, "the method draws no pair of steps"),
            IsOrNothing(M.MaxIdx, "the method draws no pair of steps"),
            IsOf(M.TrainStepTailRatio),
            IsOf(M.Alpha),
            IsOf(M.Tau),
            IsOf(M.JkSamplingMode),
            IsOf(M.JkDirichletAlpha),
            IsOf(M.JkDirichletAlphaA),
            IsOf(M.JkDirichletAlphaB),
            IsOf(M.JkDirichletAlphaC),
            IsOf(M.JkDirichletMaxJRev)
        ),
        .. In("refl", IsOf(M.ReFLLastNSteps, "last_n_steps", "refl_last_n_steps")),
        .. In("draft_lv", IsOf(M.DraftLVNumNoisedSamples, "num_noised_samples", "draft_lv_num_noised_samples")),
        .. In(
            "drtune",
            IsOf(M.DRTuneNumTrainSteps, "num_train_steps", "drtune_num_train_steps"),
            IsOf(M.DRTuneEarlyStopSteps, "early_stop_steps", "drtune_early_stop_steps"),
            IsOf(M.DRTuneEarlyStopRatio, "early_stop_ratio", "drtune_early_stop_ratio")
        ),
        .. In(
            "flowbp_sparse",
            IsOf(M.NumActiveSteps, "num_active_steps", "flowbp_sparse_num_active_steps"),
            IsOf(M.LateBias, "late_bias", "flowbp_sparse_late_bias"),
            IsOf(M.GradRescale, "grad_rescale", "flowbp_sparse_grad_rescale")
        ),
        .. In("flowbp_bridge", IsOf(M.Alpha)),
        .. In(
            "flowbp_lagrange",
            IsOf(M.Alpha),
            IsOf(M.Tau),
            IsOf(M.ConnectorOrder, "connector_order", "flowbp_lagrange_connector_order"),
            IsOf(M.DetachHistory, "detach_history", "flowbp_lagrange_detach_history"),
            IsOf(M.GradSupportMode, "grad_support_mode", "flowbp_lagrange_grad_support_mode"),
            IsOf(M.GradSupportScale, "grad_support_scale", "flowbp_lagrange_grad_support_scale"),
            IsOf(M.MaxActiveSupports, "max_active_supports", "flowbp_lagrange_max_active_supports"),
            IsOf(M.GradRescale, "grad_rescale", "flowbp_lagrange_grad_rescale"),
            IsOf(M.WeightScheme, "weight_scheme", "flowbp_lagrange_weight_scheme"),
            IsOf(M.AnchorLambda, "anchor_lambda", "flowbp_lagrange_anchor_lambda"),
            Only(
                Flag("debug_connector", false, "print the connectors", "debug_flowbp_lagrange_connector"),
                "false",
                "connectors are not printed; metrics.jsonl has the deviations"
            ),
            // There 0 switches a filter off, here none does.
            Converts(
                Number("clip_dj_threshold", 0, 0, double.PositiveInfinity, "largest deviation at the split; 0: any"),
                limit => (M.TrajFilterDjMax, OffAtZero(limit))
            ),
            Becomes(
                Number("clip_d0_threshold", 0.2, 0, double.PositiveInfinity, "largest deviation at the end; 0: any"),
                EndFilter
            ),
            Becomes(Flag("clip_d0", false, "whether clip_d0_threshold is applied"), EndFilterSwitch)
        ),
        .. In(
            "flux2",
            Is(S.MaxSequenceLength, "max_sequence_length"),
            Only(
                List("text_encoder_out_layers", ["9", "18", "27"], "layers whose states are the text's embedding"),
                "9,18,27",
                "FLUX.2 was trained on these"
            ),
            Is(S.CaptionKey, "caption_key"),
            Becomes(Flag("use_precomputed_embeds", false, "read the prompts' embeddings"), Embeddings),
            Is(S.CfgGradNormCompensate, "cfg_grad_norm_compensate"),
            Is(S.CfgDetachNeg, "cfg_detach_neg")
        ),
        .. In(
            "eval",
            Is(S.EvalPrompts, "prompts_file"),
            Is(S.EvalImagesPerPrompt, "num_imgs_per_prompt"),
            Is(S.EvalSeed, "seed"),
            Is(S.SamplingSteps, "num_steps"),
            Is(S.EvalGuidanceScale, "guidance_scale"),
            Is(S.EvaluationInterval, "evaluation_interval", "interval"),
            Becomes(Text("reward_ckpt_path", "", "folder of the rewards' folders"), Rewards),
            Only(OptionalText("hpsv3_config_path", "configuration of HPSv3"), "none", NoHpsV3),
            Only(OptionalText("hpsv3_checkpoint_path", "checkpoint of HPSv3"), "none", NoHpsV3)
        ),
        .. In(
            Judges,
            Nothing(Weight("hpsv2"), "the reward that is trained on is always reported"),
            Nothing(
                Weight("pickscore"),
                "reported as the held-out reward: the folder pickscore of eval.reward_ckpt_path"
            ),
            Nothing(Weight("clipscore"), NoJudge),
            Nothing(Weight("hpsv3"), NoJudge),
            Nothing(Weight("imagereward"), NoJudge)
        ),
        .. In(
            "logging",
            Nothing(OptionalText("project", "name in a logging service"), NoService),
            Nothing(OptionalText("run_name", "name in a logging service"), NoService)
        ),
    ];

    /// <summary>The sections, in their order.</summary>
    public static IReadOnlyList<string> Sections { get; } = [.. All.Select(key => key.Section).Distinct()];

    /// <summary>The keys of a section, by its name or another that it answers to; none where there is no such section.</summary>
    /// <param name="section">The section.</param>
    public static IReadOnlyList<ReleasedKey> Of(string section) =>
        [.. All.Where(key => key.Section == SectionAliases.GetValueOrDefault(section, section))];

    private const string NoHpsV3 = "HPSv3 is not available here";
    private const string NoJudge = "this judge is not available here, so its score is not reported; it never trains";
    private const string NoService = "metrics are files of the output folder; there is no logging service";

    private static Setting<string> TrainerName =>
        Text("name", "leapalign", "method") with
        {
            Accepts = string.Join(" | ", ReleasedMethods.Names),
            Words = ReleasedMethods.Names,
            Parse = (text, out parsed) =>
            {
                parsed = text;
                return ReleasedMethods.IsKnown(text);
            },
        };

    private static Setting<double> Weight(string judge) =>
        Number(judge, 1, 0, double.PositiveInfinity, "weight in the average of an evaluation");

    // The index lists prompts; the embeddings lie beside it.
    private static IEnumerable<KeyOutcome> Prompts(string path, ReleasedSections sections)
    {
        yield return new KeyOutcome.Sets(S.Prompts, path);
        if (!sections.IsFalse("flux2.use_precomputed_embeds"))
        {
            yield return new KeyOutcome.Sets(
                S.PromptEmbeds,
                Path.GetDirectoryName(path) is { Length: > 0 } at ? at : "."
            );
        }
    }

    private static IEnumerable<KeyOutcome> Embeddings(string use, ReleasedSections sections) =>
        (bool.Parse(use), sections.Text("data.data_json_path")) switch
        {
            (true, null) => throw new InvalidSettingException(
                "use_precomputed_embeds needs data.data_json_path, or name the folder with prompt_embeds"
            ),
            (true, _) => [new KeyOutcome.Nothing("embeddings are read from the folder of data.data_json_path")],
            (false, _) => [new KeyOutcome.Sets(S.PromptEmbeds, "none")],
        };

    private static IEnumerable<KeyOutcome> Rewards(string folder, ReleasedSections sections)
    {
        yield return new KeyOutcome.Sets(S.Reward, Path.Combine(folder, "hpsv2"));
        yield return new KeyOutcome.Sets(
            S.HeldOutReward,
            sections.Text($"{Judges}.pickscore") is null ? "none" : Path.Combine(folder, "pickscore")
        );
    }

    // The trainers take rollout_steps where it is given.
    private static IEnumerable<KeyOutcome> RolloutSteps(string steps, ReleasedSections sections) =>
        sections.Text("sampling.rollout_steps") is { Length: > 0 }
            ? [new KeyOutcome.Nothing("rollout_steps is given and goes first")]
            : [new KeyOutcome.Sets(S.RolloutSteps, steps)];

    private static IEnumerable<KeyOutcome> EndFilter(string limit, ReleasedSections sections) =>
        sections.IsTrue("flowbp_lagrange.clip_d0")
            ? [new KeyOutcome.Sets(M.TrajFilterD0Max, OffAtZero(limit))]
            : [new KeyOutcome.Nothing("clip_d0 is not true, so the threshold is not applied")];

    private static IEnumerable<KeyOutcome> EndFilterSwitch(string on, ReleasedSections sections) =>
        bool.Parse(on) && sections.Text("flowbp_lagrange.clip_d0_threshold") is null
            ? [new KeyOutcome.Sets(M.TrajFilterD0Max, "0.2")]
            : [new KeyOutcome.Nothing("it switches clip_d0_threshold, which is given or not needed")];

    private static string OffAtZero(string limit) =>
        double.Parse(limit, CultureInfo.InvariantCulture) > 0 ? limit : "none";
}
