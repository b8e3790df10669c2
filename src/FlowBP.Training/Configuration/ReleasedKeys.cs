// Every key that the released trainers read from their configuration files, by section, and what it is here. The table is the
// whole truth about that format: parsing, suggestions for misspelt keys and the report of --dry-run are made of it.
// `fsdp_sharding_startegy` is spelt as released.

using System.Globalization;
using FlowBP.Settings;
using static FlowBP.Training.Configuration.ReleasedKeyKinds;

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
        .. In("trainer", Converts(TrainerName, "method", ReleasedMethods.Ours)),
        .. In(
            "model",
            Is("model", "pretrained_model_name_or_path"),
            Converts(
                Flag("gradient_checkpointing"),
                "gradient_checkpointing",
                on => bool.Parse(on) ? "blocks" : "none"
            ),
            Converts(Word("master_weight_type", "bf16", "fp32"), "compute_dtype", type => type),
            Is("use_ema"),
            Is("ema_decay")
        ),
        .. In(
            "data",
            Becomes(Text("data_json_path"), Prompts),
            Only(Integer("num_latent_t", 1), "1", "pictures have one frame"),
            Only(Number("cfg", 1), "0", "prompts are never dropped in training"),
            Nothing(Integer("dataloader_num_workers", 0), "prompts and embeddings are read by the run itself")
        ),
        .. In(
            "train",
            Is("seed"),
            Is("train_batch_size"),
            Nothing(
                Integer("train_sp_batch_size", 1),
                "sp_size is 1, so a group is one process and its batch is train_batch_size"
            ),
            Is("gradient_accumulation_steps"),
            Is("max_train_steps"),
            Is("checkpointing_steps"),
            Is("output_dir"),
            Nothing(
                Flag("allow_tf32"),
                "it permits less precision than is used: products are computed in compute_dtype"
            ),
            Only(Flag("debug"), "false", "there is no such mode; --dry-run checks a run"),
            Only(
                Integer("connector_dump_interval", 0),
                "0",
                "latents are not dumped; metrics.jsonl has the deviations"
            ),
            Nothing(OptionalText("connector_dump_dir"), "latents are not dumped"),
            Only(
                Integer("connector_wandb_interval", 0),
                "0",
                "connectors are not pictured; metrics.jsonl has the deviations"
            ),
            Nothing(Integer("connector_wandb_num_samples", 0), "connectors are not pictured"),
            Converts(OptionalText("resume_from_checkpoint"), "resume_from_checkpoint", OffWhereEmpty)
        ),
        .. In(
            "optimizer",
            Is("learning_rate"),
            Is("weight_decay"),
            Is("lr_scheduler"),
            Is("lr_warmup_steps"),
            Only(Integer("lr_num_cycles", 1), "1", "a learning rate is never restarted"),
            Nothing(Number("lr_power", 100), "no decay here is a polynomial"),
            Is("max_grad_norm")
        ),
        .. In(
            "distributed",
            Only(Integer("sp_size", 1), "1", "a sequence is never divided among processes"),
            Nothing(
                Word("fsdp_sharding_startegy", "full", "hybrid_full", "none", "hybrid_zero2"),
                "a run is one process, which has nobody to share its parameters with"
            ),
            Only(Number("selective_checkpointing", 1), "1", "set gradient_checkpointing to a number of blocks instead"),
            Only(Flag("use_cpu_offload"), "false", "parameters stay where they are computed with")
        ),
        .. In(
            "sampling",
            Is("height", "h"),
            Is("width", "w"),
            Becomes(Integer("sampling_steps", 1), RolloutSteps),
            Is("rollout_steps"),
            Is("sampler_seed"),
            Is("cfg_guidance")
        ),
        .. In(
            "reward",
            OnlyAs(
                Flag("use_hpsv2"),
                "true",
                "it is the only reward of that format; name another folder with reward",
                "the reward that is trained on: the folder hpsv2 of eval.reward_ckpt_path"
            ),
            Is("loss_grad_scale"),
            Is("hinge_lambda", "loss_relu_clip")
        ),
        .. In(
            "flowbp",
            Is("select_idx_seed"),
            IsOrNothing("min_idx", "the method draws no pair of steps"),
            IsOrNothing("max_idx", "the method draws no pair of steps"),
            IsOf("train_step_tail_ratio"),
            IsOf("alpha"),
            IsOf("tau"),
            IsOf("jk_sampling_mode"),
            IsOf("jk_dirichlet_alpha"),
            IsOf("jk_dirichlet_alpha_a"),
            IsOf("jk_dirichlet_alpha_b"),
            IsOf("jk_dirichlet_alpha_c"),
            IsOf("jk_dirichlet_max_j_rev")
        ),
        .. In("refl", IsOf("refl_last_n_steps", "last_n_steps", "refl_last_n_steps")),
        .. In("draft_lv", IsOf("draft_lv_num_noised_samples", "num_noised_samples", "draft_lv_num_noised_samples")),
        .. In(
            "drtune",
            IsOf("drtune_num_train_steps", "num_train_steps", "drtune_num_train_steps"),
            IsOf("drtune_early_stop_steps", "early_stop_steps", "drtune_early_stop_steps"),
            IsOf("drtune_early_stop_ratio", "early_stop_ratio", "drtune_early_stop_ratio")
        ),
        .. In(
            "flowbp_sparse",
            IsOf("num_active_steps", "num_active_steps", "flowbp_sparse_num_active_steps"),
            IsOf("late_bias", "late_bias", "flowbp_sparse_late_bias"),
            IsOf("grad_rescale", "grad_rescale", "flowbp_sparse_grad_rescale")
        ),
        .. In("flowbp_bridge", IsOf("alpha")),
        .. In(
            "flowbp_lagrange",
            IsOf("alpha"),
            IsOf("tau"),
            IsOf("connector_order", "connector_order", "flowbp_lagrange_connector_order"),
            IsOf("detach_history", "detach_history", "flowbp_lagrange_detach_history"),
            IsOf("grad_support_mode", "grad_support_mode", "flowbp_lagrange_grad_support_mode"),
            IsOf("grad_support_scale", "grad_support_scale", "flowbp_lagrange_grad_support_scale"),
            IsOf("max_active_supports", "max_active_supports", "flowbp_lagrange_max_active_supports"),
            IsOf("grad_rescale", "grad_rescale", "flowbp_lagrange_grad_rescale"),
            IsOf("weight_scheme", "weight_scheme", "flowbp_lagrange_weight_scheme"),
            IsOf("anchor_lambda", "anchor_lambda", "flowbp_lagrange_anchor_lambda"),
            Only(
                Flag("debug_connector", "debug_flowbp_lagrange_connector"),
                "false",
                "connectors are not printed; metrics.jsonl has the deviations"
            ),
            // There 0 switches a filter off, here none does.
            Converts(Number("clip_dj_threshold"), "traj_filter_dj_max", OffAtZero),
            Becomes(Number("clip_d0_threshold"), EndFilter),
            Becomes(Flag("clip_d0"), EndFilterSwitch)
        ),
        .. In(
            "flux2",
            Is("max_sequence_length"),
            Only(new("text_encoder_out_layers", SettingKind.List), "9,18,27", "FLUX.2 was trained on these"),
            Is("caption_key"),
            Becomes(Flag("use_precomputed_embeds"), Embeddings),
            Is("cfg_grad_norm_compensate"),
            Is("cfg_detach_neg")
        ),
        .. In(
            "eval",
            Is("eval_prompts", "prompts_file"),
            Is("eval_images_per_prompt", "num_imgs_per_prompt"),
            Is("eval_seed", "seed"),
            Is("sampling_steps", "num_steps"),
            Is("eval_guidance_scale", "guidance_scale"),
            Is("evaluation_interval", "evaluation_interval", "interval"),
            Becomes(Text("reward_ckpt_path"), Rewards),
            Only(OptionalText("hpsv3_config_path"), "none", NoHpsV3),
            Only(OptionalText("hpsv3_checkpoint_path"), "none", NoHpsV3)
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
        .. In("logging", Nothing(OptionalText("project"), NoService), Nothing(OptionalText("run_name"), NoService)),
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

    private static Setting TrainerName =>
        new(
            "name",
            SettingKind.Choice([.. ReleasedMethods.Names.Select(name => (name, (object)name))]) with
            {
                Parse = (text, out value) =>
                {
                    value = text;
                    return ReleasedMethods.IsKnown(text);
                },
            }
        );

    private static Setting Weight(string judge) => Number(judge);

    // The index lists prompts; the embeddings lie beside it.
    private static IEnumerable<KeyOutcome> Prompts(string path, ReleasedSections sections)
    {
        yield return new KeyOutcome.Sets("prompts", path);
        if (!sections.IsFalse("flux2.use_precomputed_embeds"))
        {
            yield return new KeyOutcome.Sets(
                "prompt_embeds",
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
            (false, _) => [new KeyOutcome.Sets("prompt_embeds", "none")],
        };

    private static IEnumerable<KeyOutcome> Rewards(string folder, ReleasedSections sections)
    {
        yield return new KeyOutcome.Sets("reward", Path.Combine(folder, "hpsv2"));
        yield return new KeyOutcome.Sets(
            "heldout_reward",
            sections.Text($"{Judges}.pickscore") is null ? "none" : Path.Combine(folder, "pickscore")
        );
    }

    // The trainers take rollout_steps where it is given.
    private static IEnumerable<KeyOutcome> RolloutSteps(string steps, ReleasedSections sections) =>
        sections.Text("sampling.rollout_steps") is { Length: > 0 }
            ? [new KeyOutcome.Nothing("rollout_steps is given and goes first")]
            : [new KeyOutcome.Sets("rollout_steps", steps)];

    private static IEnumerable<KeyOutcome> EndFilter(string limit, ReleasedSections sections) =>
        sections.IsTrue("flowbp_lagrange.clip_d0")
            ? [new KeyOutcome.Sets("traj_filter_d0_max", OffAtZero(limit))]
            : [new KeyOutcome.Nothing("clip_d0 is not true, so the threshold is not applied")];

    private static IEnumerable<KeyOutcome> EndFilterSwitch(string on, ReleasedSections sections) =>
        bool.Parse(on) && sections.Text("flowbp_lagrange.clip_d0_threshold") is null
            ? [new KeyOutcome.Sets("traj_filter_d0_max", "0.2")]
            : [new KeyOutcome.Nothing("it switches clip_d0_threshold, which is given or not needed")];

    private static string OffWhereEmpty(string path) => path is "" or "null" or "~" ? "none" : path;

    private static string OffAtZero(string limit) =>
        double.Parse(limit, CultureInfo.InvariantCulture) > 0 ? limit : "none";
}
