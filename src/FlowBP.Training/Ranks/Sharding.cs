namespace FlowBP.Training.Ranks;

/// <summary>What of the training state each rank keeps.</summary>
public enum Sharding
{
    /// <summary>All of it.</summary>
    None,

    /// <summary>Moments and moving average of a part of every parameter; weights and gradients whole.</summary>
    Optimizer,
}
