// The settings of a prediction: those of an alignment that change memory or work, under the names they have there, and the
// machine.

using System.Globalization;
using FlowBP.Families;
using FlowBP.Settings;
using FlowBP.Surrogates;
using FlowBP.Training.Configuration;

namespace FlowBP.Training.Planning;

/// <summary>Settings of <c>flowbp plan</c>.</summary>
public sealed record PlanSettings
{
    /// <summary>Of <see cref="GradientCheckpointing"/>: none recomputed if that fits.</summary>
    internal const int Automatic = 0;

    private static readonly SettingTable<PlanSettings> s_table = new(new());

    /// <summary>Everything that can be set, what belongs to the method apart, in the order of the help.</summary>
    public static IReadOnlyList<Setting> All => s_table.Settings;

    /// <summary>The method that applies if none is given.</summary>
    public const string DefaultMethod = "flowbp-sparse";

    /// <summary>A folder, or a name of <see cref="PlannedModels"/>.</summary>
    [Model]
    public string Model { get; init; } = ModelFamilies.Embedded;

    /// <summary>Name of the method.</summary>
    [OfRun]
    public string Method { get; init; } = DefaultMethod;

    /// <summary>GPUs.</summary>
    [Setting("GPUs that share an update", 1)]
    public int Gpus { get; init; } = 1;

    /// <summary>Memory of each, GiB.</summary>
    [Setting("memory of each GPU in GiB", double.Epsilon, SettingAttribute.LargestFactor, Aliases = ["gpu-memory"])]
    public double GpuMemory { get; init; } = 80;

    /// <summary>Samples of an update.</summary>
    [Setting("samples per update, all GPUs and accumulated batches together", 1)]
    public int Batch { get; init; } = 64;

    /// <summary>Batches of an update.</summary>
    [Setting("batches that an update is made of, one after the other", 1)]
    public int GradientAccumulationSteps { get; init; } = 1;

    /// <summary>Pixels per side; null: what the model is trained at here.</summary>
    [Setting("pixels per side; none: what the model is trained at here", 1)]
    public int? Resolution { get; init; }

    /// <summary>N.</summary>
    [OfRun]
    public int RolloutSteps { get; init; } = 25;

    /// <summary>Guidance scale.</summary>
    [OfRun("scale of guidance; 1 is none; ignored where it is an input of the network")]
    public double CfgGuidance { get; init; } = 3;

    /// <summary>Whether the negative branch is a constant in gradients.</summary>
    [OfRun]
    public bool CfgDetachNeg { get; init; } = true;

    /// <summary>Rollout chunk; <see cref="int.MaxValue"/>: all.</summary>
    [OfRun]
    public int RolloutBatchSize { get; init; } = int.MaxValue;

    /// <summary>Reward chunk; <see cref="int.MaxValue"/>: all.</summary>
    [OfRun]
    public int RewardBatchSize { get; init; } = int.MaxValue;

    /// <summary>Chunk of products; <see cref="int.MaxValue"/>: all.</summary>
    [OfRun]
    public int VjpBatchSize { get; init; } = int.MaxValue;

    /// <summary>Blocks whose activations a pullback keeps; null: of all, 0: none recomputed if that fits.</summary>
    [Checkpointing]
    public int? GradientCheckpointing { get; init; } = 1;

    /// <summary>Reuse.</summary>
    [Setting(
        "the rollout keeps the block inputs of active steps, and their pullbacks skip a forward; auto: if it fits"
    )]
    public RolloutReuse ReuseRolloutBlocks { get; init; } = RolloutReuse.Off;

    /// <summary>Whether the decoder's blocks are run again.</summary>
    [OfRun]
    public bool RecomputeDecode { get; init; }

    /// <summary>Sharding.</summary>
    [Setting("whether masters, gradients, optimizer and average are divided among the GPUs")]
    public Sharding Sharding { get; init; } = Sharding.None;

    /// <summary>Rank of LoRA; null: all weights are trained.</summary>
    [OfRun]
    public int? LoraRank { get; init; }

    /// <summary>Compute type.</summary>
    [OfRun]
    public ScalarType ComputeDtype { get; init; } = ScalarType.BFloat16;

    /// <summary>Type of frozen networks.</summary>
    [OfRun("type of autoencoder, rewards and text encoders")]
    public ScalarType RewardDtype { get; init; } = ScalarType.BFloat16;

    /// <summary>Type of cached latents.</summary>
    [OfRun]
    public ScalarType LatentDtype { get; init; } = ScalarType.BFloat16;

    /// <summary>Whether an average is kept.</summary>
    [OfRun]
    public bool UseEma { get; init; } = true;

    /// <summary>Weight of the anchor; above 0 there is a reference.</summary>
    [OfRun]
    public double AnchorWeight { get; init; }

    /// <summary>Weight of the hinge on norms; above 0 there is a reference.</summary>
    [OfRun]
    public double NormHingeWeight { get; init; }

    /// <summary>Whether there is a reference without either.</summary>
    [OfRun]
    public bool CompareToBase { get; init; }

    /// <summary>Weight of the flow-matching loss; above 0 it is taken.</summary>
    [OfRun]
    public double FlowMatchingWeight { get; init; }

    /// <summary>Its pictures; null: as many as an update has samples.</summary>
    [OfRun]
    public int? FlowMatchingBatchSize { get; init; }

    /// <summary>Perturbed copies of a picture that the reward sees.</summary>
    [OfRun]
    public int RewardSmoothingCopies { get; init; }

    /// <summary>Whether the picture itself is one of the copies.</summary>
    [OfRun]
    public bool RewardSmoothingClean { get; init; } = true;

    /// <summary>Text encoders.</summary>
    [Setting("whether text encoders are in memory, or embeddings were computed before")]
    public TextEncoding TextEncoders { get; init; } = TextEncoding.Resident;

    /// <summary>Training reward.</summary>
    [Setting("folder of the training reward, or hpsv2; auto: embedded for the embedded model, else hpsv2")]
    public string Reward { get; init; } = PlannedModels.OwnReward;

    /// <summary>Reward that only evaluates; null: none.</summary>
    [Setting("folder of a reward that only evaluates, or hpsv2, or none", Name = "heldout_reward")]
    public string? HeldOutReward { get; init; }

    /// <summary>Attention.</summary>
    [Setting("libtorch has scaled_dot_product_attention (2.0 and later)")]
    public bool FusedAttention { get; init; } = true;

    /// <summary>Context and libraries, GiB.</summary>
    [Setting("GiB that the device's context and libraries take: an estimate", 0, SettingAttribute.LargestFactor)]
    public double Workspace { get; init; } = 1.5;

    /// <summary>The settings of the run among those that were given, by name or alias.</summary>
    /// <param name="given">Names and texts; those of a method are left out.</param>
    /// <exception cref="InvalidSettingException">A value is not accepted.</exception>
    public static PlanSettings Of(IEnumerable<KeyValuePair<string, string>> given) =>
        s_table.Bind("plan", given.Where(OfRun));

    /// <summary>Whether a name is a setting of the run; what else is given belongs to its method.</summary>
    internal static bool OfRun(KeyValuePair<string, string> pair) => All.Any(setting => setting.Answers(pair.Key));

    private sealed class ModelAttribute()
        : OfRunAttribute($"model folder in diffusers' layout, or one of {string.Join(", ", PlannedModels.Names)}");

    private sealed class CheckpointingAttribute()
        : SettingAttribute(
            "blocks whose activations a pullback keeps: none: of all; blocks: of one; K: of K; auto: none if it fits"
        )
    {
        protected override SettingKind KindOf(Type type, bool isNullable) =>
            new()
            {
                Accepts = "none | blocks | auto | an integer ≥ 1",
                Parse = (text, out value) =>
                {
                    var isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count);
                    value = text switch
                    {
                        "blocks" => 1,
                        "auto" => Automatic,
                        _ => isNumber ? count : null,
                    };
                    return text is "none" or "blocks" or "auto" || (isNumber && count > 0);
                },
                Format = value =>
                    value switch
                    {
                        null => "none",
                        1 => "blocks",
                        Automatic => "auto",
                        _ => string.Create(CultureInfo.InvariantCulture, $"{value}"),
                    },
            };
    }
}
