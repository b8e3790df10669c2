namespace FlowBP.Distributed;

/// <summary>An operation over TCP that was begun.</summary>
/// <param name="call">What is asked for.</param>
/// <param name="send">First of the elements that this rank sends.</param>
/// <param name="receive">Where the result goes.</param>
internal sealed class TcpWork(CollectiveCall call, nint send, nint receive) : ICollectiveWork
{
    private readonly ManualResetEventSlim done = new();
    private RankLostException? failure;

    /// <summary>What is asked for.</summary>
    public CollectiveCall Call { get; } = call;

    /// <summary>First of the elements that this rank sends.</summary>
    public nint Send { get; } = send;

    /// <summary>Where the result goes.</summary>
    public nint Receive { get; } = receive;

    /// <inheritdoc/>
    public bool IsCompleted => done.IsSet;

    /// <summary>Ends it.</summary>
    /// <param name="reason">Why there is no result; null: it is there.</param>
    public void Complete(RankLostException? reason)
    {
        failure = reason;
        done.Set();
    }

    /// <inheritdoc/>
    public void Wait()
    {
        done.Wait();
        if (failure is { } reason)
        {
            throw reason.Again();
        }
    }
}
