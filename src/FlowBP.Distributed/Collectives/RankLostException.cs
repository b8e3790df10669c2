namespace FlowBP.Distributed;

/// <summary>Ranks did not come to an operation in time, or their processes ended.</summary>
/// <param name="message">What was waited for, for how long, and what is known of the ranks that are missing, on one line.</param>
/// <param name="ranks">The ranks that are missing, ascending; empty where the engine can't tell.</param>
/// <param name="inner">What the engine said, or null.</param>
public sealed class RankLostException(string message, IReadOnlyList<int> ranks, Exception? inner = null)
    : IOException(message, inner)
{
    /// <summary>The ranks that are missing, ascending; empty where the engine can't tell.</summary>
    public IReadOnlyList<int> Ranks { get; } = ranks;

    /// <summary>The same, to be thrown by another thread or at another call; this one is its cause.</summary>
    public RankLostException Again() => new(Message, Ranks, this);
}
