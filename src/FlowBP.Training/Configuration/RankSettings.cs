using FlowBP.Settings;
using FlowBP.Training.Ranks;

namespace FlowBP.Training.Configuration;

/// <summary>How several processes train one model.</summary>
public sealed record RankSettings
{
    /// <summary>Processes to start on this machine; null: one, or those that a launcher has started.</summary>
    [Setting(
        "processes to start on this machine, one for each GPU; none: one, or those that a launcher has started",
        1
    )]
    public int? Gpus { get; init; }

    /// <summary>Seconds after which a rank that does not come is given up.</summary>
    [Setting("seconds that ranks wait for each other; it takes longer than the slowest part of a step", 1)]
    public int Timeout { get; init; } = 600;

    /// <summary>What of the training state is divided among them.</summary>
    [Setting(
        "what the ranks divide: nothing, or moments and moving averages (of float32 weights, or an adapter)",
        Choices = ["none", Sharding.None, "optimizer", Sharding.Optimizer]
    )]
    public Sharding Sharding { get; init; } = Sharding.None;

    /// <summary>Steps between comparisons of the ranks' weights; null: they are never compared.</summary>
    [Setting("steps between comparisons of the ranks' weights by checksum; none: never", 1)]
    public int? WeightsCheckInterval { get; init; } = 50;
}
