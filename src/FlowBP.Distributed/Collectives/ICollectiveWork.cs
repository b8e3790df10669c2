namespace FlowBP.Distributed;

/// <summary>A collective operation that was started.</summary>
public interface ICollectiveWork
{
    /// <summary>Whether the result is there.</summary>
    bool IsCompleted { get; }

    /// <summary>
    /// Returns when the result is there. In host memory that is literally so; on a GPU, when every later work of the operation's stream sees
    /// it and no rank is missing any more.
    /// </summary>
    /// <exception cref="RankLostException">A rank did not come in time, or its process ended.</exception>
    void Wait();
}
