using FlowBP.Settings;
using FlowBP.Surrogates;

namespace FlowBP.Training.Configuration;

/// <summary>The flow-matching loss on data, beside the reward's.</summary>
public sealed record FlowMatchingSettings
{
    /// <summary>Weight of the loss.</summary>
    [Setting(
        "weight of the flow-matching loss on flow_matching_data, beside the reward's; 0 off",
        0,
        SettingAttribute.LargestFactor
    )]
    public double FlowMatchingWeight { get; init; }

    /// <summary>Folder of pictures with captions, or <see cref="Families.ModelFamilies.Embedded"/>; null: there is none.</summary>
    [Setting(
        "pictures with captions for the flow-matching loss: a folder with NAME.png and NAME.txt, or with metadata.jsonl;"
            + " embedded: scenes of the training prompts; or none"
    )]
    public string? FlowMatchingData { get; init; }

    /// <summary>Pictures of an update; null: as many as it has samples.</summary>
    [Setting("pictures of the flow-matching loss per update; none: as many as an update has samples", 1)]
    public int? FlowMatchingBatchSize { get; init; }

    /// <summary>Density of times.</summary>
    [Setting(
        "density of the flow-matching loss's times over the noise schedule",
        Choices = ["logit_normal", FlowMatchingTimes.LogitNormal, "uniform", FlowMatchingTimes.Uniform]
    )]
    public FlowMatchingTimes FlowMatchingTimes { get; init; } = FlowMatchingTimes.LogitNormal;

    /// <summary>Whether there is no such loss.</summary>
    public bool IsOff => FlowMatchingWeight == 0;
}
