namespace FlowBP.Distributed;

/// <summary>The collectives of <see cref="ICommunicator"/>, waited for at once.</summary>
public static class Communicators
{
    /// <inheritdoc cref="ICommunicator.BeginAllReduce"/>
    /// <remarks>It returns when the result is there.</remarks>
    public static void AllReduce(
        this ICommunicator communicator,
        nint send,
        nint receive,
        long count,
        ElementType type,
        Reduction reduction,
        nint stream = 0
    ) => communicator.BeginAllReduce(send, receive, count, type, reduction, stream).Wait();

    /// <inheritdoc cref="ICommunicator.BeginReduceScatter"/>
    /// <remarks>It returns when the result is there.</remarks>
    public static void ReduceScatter(
        this ICommunicator communicator,
        nint send,
        nint receive,
        long receiveCount,
        ElementType type,
        Reduction reduction,
        nint stream = 0
    ) => communicator.BeginReduceScatter(send, receive, receiveCount, type, reduction, stream).Wait();

    /// <inheritdoc cref="ICommunicator.BeginAllGather"/>
    /// <remarks>It returns when the result is there.</remarks>
    public static void AllGather(
        this ICommunicator communicator,
        nint send,
        nint receive,
        long sendCount,
        ElementType type,
        nint stream = 0
    ) => communicator.BeginAllGather(send, receive, sendCount, type, stream).Wait();

    /// <inheritdoc cref="ICommunicator.BeginBroadcast"/>
    /// <remarks>It returns when the result is there.</remarks>
    public static void Broadcast(
        this ICommunicator communicator,
        nint buffer,
        long count,
        ElementType type,
        int root,
        nint stream = 0
    ) => communicator.BeginBroadcast(buffer, count, type, root, stream).Wait();
}
