using FlowBP.Settings;
using FlowBP.Training.Ranks;

namespace FlowBP.Training.Configuration;

/// <summary>How several processes train one model.</summary>
public sealed record RankSettings
{
    /// <summary>What of the training state is divided among them.</summary>
    [Setting(
        "what the ranks divide: nothing, or moments and moving averages (full fine-tuning in float32)",
        Choices = ["none", Sharding.None, "optimizer", Sharding.Optimizer]
    )]
    public Sharding Sharding { get; init; } = Sharding.None;

    /// <summary>Steps between comparisons of the ranks' weights; null: they are never compared.</summary>
    [Setting("steps between comparisons of the ranks' weights by checksum; none: never", 1)]
    public int? WeightsCheckInterval { get; init; } = 50;
}
