// The settings of a run that say how the networks are held and computed: sizes, types, what is kept and what is recomputed, which
// parameters are trained. None of them belongs to a method.

using FlowBP.Settings;
using FlowBP.Surrogates;
using static FlowBP.Settings.SettingOf;

namespace FlowBP.Training.Configuration;

public static partial class AlignmentSettings
{
    private static readonly (string Text, ScalarType Value)[] Types =
    [
        ("bfloat16", ScalarType.BFloat16),
        ("float32", ScalarType.Float32),
        ("bf16", ScalarType.BFloat16),
        ("fp32", ScalarType.Float32),
    ];

    /// <summary>Picture height.</summary>
    public static Setting<int?> Height { get; } =
        OptionalInteger("height", null, 16, "height of the pictures in pixels; none: the model's own", "h");

    /// <summary>Picture width.</summary>
    public static Setting<int?> Width { get; } =
        OptionalInteger("width", null, 16, "width of the pictures in pixels; none: the model's own", "w");

    /// <summary>Prompt length.</summary>
    public static Setting<int?> MaxSequenceLength { get; } =
        OptionalInteger("max_sequence_length", null, 1, "tokens of a prompt; none: as the model's pipeline has it");

    /// <summary>Precomputed embeddings.</summary>
    public static Setting<string> PromptEmbeds { get; } =
        Text(
            "prompt_embeds",
            "none",
            "folder of the prompts' embeddings (flowbp embed), so that no text encoder is loaded; or none"
        );

    /// <summary>Type of the trained network's forward and backward.</summary>
    public static Setting<ScalarType> ComputeDtype { get; } =
        Choice(
            "compute_dtype",
            ScalarType.Float32,
            Types,
            "type that the trained network computes in; its weights are kept and updated in float32"
        );

    /// <summary>Type of autoencoder and reward.</summary>
    public static Setting<ScalarType> RewardDtype { get; } =
        Choice("reward_dtype", ScalarType.Float32, Types, "type that autoencoder and rewards compute in");

    /// <summary>Storage of the latents.</summary>
    public static Setting<ScalarType> LatentDtype { get; } =
        Choice("latent_dtype", ScalarType.BFloat16, Types, "storage type of cached latents");

    /// <summary>What a pullback recomputes.</summary>
    public static Setting<string> GradientCheckpointing { get; } =
        Text("gradient_checkpointing", "none", "") with
        {
            Help =
                "what a pullback recomputes: nothing, each block, so many blocks at a time, or as activation_memory_gb needs",
            Accepts = "none | blocks | a number of blocks | auto",
            Words = ["none", "blocks", "auto"],
            Parse = (text, out parsed) =>
            {
                parsed = text;
                return text is "none" or "blocks" or "auto" || (int.TryParse(text, out var blocks) && blocks > 0);
            },
        };

    /// <summary>Memory for activations.</summary>
    public static Setting<double?> ActivationMemoryGb { get; } =
        OptionalNumber(
            "activation_memory_gb",
            double.Epsilon,
            LargestFactor,
            "memory that activations may take where a setting is auto, in GB of 1e9 bytes; none: the least"
        );

    /// <summary>What the reward's gradient recomputes.</summary>
    public static Setting<bool> RecomputeDecode { get; } =
        Flag(
            "recompute_decode",
            false,
            "the reward's gradient runs the decoder's blocks again instead of keeping them"
        );

    /// <summary>Whether the rollout keeps block inputs.</summary>
    public static Setting<RolloutReuse> ReuseRolloutBlocks { get; } =
        Choice(
            "reuse_rollout_blocks",
            RolloutReuse.Auto,
            [("auto", RolloutReuse.Auto), ("on", RolloutReuse.On), ("off", RolloutReuse.Off)],
            "whether the rollout keeps the block inputs of the active steps, which saves their second forward"
        );

    /// <summary>Rollout chunk.</summary>
    public static Setting<int?> RolloutBatchSize { get; } =
        OptionalInteger("rollout_batch_size", null, 1, "samples per network evaluation of the rollout");

    /// <summary>Reward chunk.</summary>
    public static Setting<int?> RewardBatchSize { get; } =
        OptionalInteger("reward_batch_size", null, 1, "images per graph of the reward");

    /// <summary>VJP chunk.</summary>
    public static Setting<int?> VjpBatchSize { get; } =
        OptionalInteger("vjp_batch_size", null, 1, "samples per vector-Jacobian product");

    /// <summary>A trained adapter.</summary>
    public static Setting<string> LoraWeights { get; } =
        Text(
            "lora_weights",
            "none",
            "trained low-rank additions to begin with: a file in diffusers', PEFT's, sd-scripts' or ComfyUI's form, or its"
                + " folder; or none"
        );

    /// <summary>Factor of a stored adapter's strength.</summary>
    public static Setting<double> LoraScale { get; } =
        Number(
            "lora_scale",
            1,
            -LargestFactor,
            LargestFactor,
            "what the strength of lora_weights is multiplied with; 0: as without"
        );

    /// <summary>LoRA's rank.</summary>
    public static Setting<int?> LoraRank { get; } =
        OptionalInteger("lora_rank", null, 1, "train low-rank additions of this rank instead of all weights");

    /// <summary>LoRA's scale.</summary>
    public static Setting<double?> LoraAlpha { get; } =
        OptionalNumber(
            "lora_alpha",
            double.Epsilon,
            LargestFactor,
            "scale of the additions, times 1/lora_rank; none: lora_rank"
        );

    /// <summary>LoRA's modules.</summary>
    public static Setting<IReadOnlyList<string>> LoraTargetModules { get; } =
        List(
            "lora_target_modules",
            [],
            "names of the modules that get additions; none: those that are usual for the model's family"
        );
}
