// How a model is trained: which parameters, in which types, and what its pullbacks keep alive. None of it belongs to a family or a
// method.

using System.Globalization;
using FlowBP.Families;
using FlowBP.Models.Adapters;
using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Training.Pipelines;

/// <summary>How a model is trained.</summary>
public sealed record TrainingSettings
{
    private const double BytesPerGigabyte = 1e9;

    /// <summary>Whether the negative branch of guidance is a constant in gradients.</summary>
    [Setting("the negative branch of guidance receives no gradient")]
    public bool CfgDetachNeg { get; init; } = true;

    /// <summary>Guidance scale of <see cref="PicturePainter.Sample"/>; null: the one that is trained with.</summary>
    [Setting("scale of guidance in evaluations; none: cfg_guidance", 0, SettingAttribute.LargestFactor)]
    public double? EvalGuidanceScale { get; init; }

    /// <summary>How the transformer is cut up for pullbacks: <c>none</c>, <c>blocks</c>, a number of blocks, <c>auto</c>.</summary>
    [Checkpointing]
    public string GradientCheckpointing { get; init; } = "none";

    /// <summary>Memory for activations where a setting is auto; null: the least.</summary>
    [Setting(
        "memory that activations may take where a setting is auto, in GB of 1e9 bytes; none: the least",
        double.Epsilon,
        SettingAttribute.LargestFactor
    )]
    public double? ActivationMemoryGb { get; init; }

    /// <summary>
    /// Whether pullbacks through the decoder run its residual blocks again: a third more time for a fraction of the memory.
    /// </summary>
    [Setting("the reward's gradient runs the decoder's blocks again instead of keeping them")]
    public bool RecomputeDecode { get; init; }

    /// <summary>Rank of what is trained instead of the transformer's own weights; null: these.</summary>
    [Setting("train low-rank additions of this rank instead of all weights", 1)]
    public int? LoraRank { get; init; }

    /// <summary>Numerator of their strength; null: the rank.</summary>
    [Setting(
        "scale of the additions, times 1/lora_rank; none: lora_rank",
        double.Epsilon,
        SettingAttribute.LargestFactor
    )]
    public double? LoraAlpha { get; init; }

    /// <summary>The modules that get additions; none: the family's (<see cref="ModelFamily.AdapterTargets"/>).</summary>
    [Setting("names of the modules that get additions; none: those that are usual for the model's family")]
    public IReadOnlyList<string> LoraTargetModules { get; init; } = [];

    /// <summary>Memory for activations, bytes; null: the least.</summary>
    public long? ActivationBytes => (long?)(ActivationMemoryGb * BytesPerGigabyte);

    /// <summary>How the transformer is cut up.</summary>
    internal GradientCheckpointing Checkpointing =>
        Surrogates.GradientCheckpointing.Parse(GradientCheckpointing, ActivationBytes);

    /// <summary>The adapter that is trained; null: none.</summary>
    internal LoraConfig? Lora =>
        LoraRank is { } rank
            ? new()
            {
                Rank = rank,
                Alpha = LoraAlpha ?? rank,
                TargetModules = LoraTargetModules,
            }
            : null;

    private sealed class CheckpointingAttribute()
        : SettingAttribute(
            "what a pullback recomputes: nothing, each block, so many blocks at a time, or as activation_memory_gb needs"
        )
    {
        protected override SettingKind KindOf(Type type, bool isNullable) =>
            SettingKind.Text with
            {
                Accepts = "none | blocks | a number of blocks | auto",
                Words = ["none", "blocks", "auto"],
                Parse = (text, out value) =>
                {
                    value = text;
                    return text is "none" or "blocks" or "auto"
                        || (
                            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var blocks)
                            && blocks > 0
                        );
                },
            };
    }
}
