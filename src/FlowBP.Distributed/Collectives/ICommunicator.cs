namespace FlowBP.Distributed;

/// <summary>
/// A group of processes and the collective operations among them. Every rank calls the same operations in the same order with the
/// same counts and types; an operation ends on a rank when what that rank gets is complete.
/// </summary>
/// <remarks>
/// <para>
/// Pointers are to contiguous elements: memory of this process for TCP and a group of one, memory of the rank's GPU for NCCL
/// (<see cref="Memory"/>). Where sending and receiving overlap they are the same range, and the operation is in place.
/// </para>
/// <para>
/// A call without an operation to wait for returns when the result is there. A started one (<c>Begin…</c>) returns at once; its buffers
/// belong to the communicator until <see cref="ICollectiveWork.Wait"/> has returned. Calls come from one thread at a time.
/// </para>
/// <para>
/// What does not come in time throws <see cref="RankLostException"/> with the ranks that are missing, and the communicator is of no
/// further use: whoever catches it ends the process.
/// </para>
/// </remarks>
public interface ICommunicator : IDisposable
{
    /// <summary>Name of the engine, as <c>nccl 2.21.5</c>, <c>tcp</c>, <c>one process</c>.</summary>
    string Engine { get; }

    /// <summary>Number of this process, from 0.</summary>
    int Rank { get; }

    /// <summary>Number of processes.</summary>
    int Size { get; }

    /// <summary>Where the pointers point.</summary>
    CollectiveMemory Memory { get; }

    /// <summary>How long an operation waits for the other ranks.</summary>
    TimeSpan Timeout { get; }

    /// <summary>Starts the reduction of all ranks' elements, whose result every rank gets.</summary>
    /// <param name="send">First element of this rank's part.</param>
    /// <param name="receive">Where the result goes; may be <paramref name="send"/>.</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="type">Their type.</param>
    /// <param name="reduction">How they become one.</param>
    /// <param name="stream">CUDA stream after whose earlier work the operation starts; 0 is the default stream. Of no meaning in host memory.</param>
    /// <returns>The operation, to be waited for.</returns>
    ICollectiveWork BeginAllReduce(
        nint send,
        nint receive,
        long count,
        ElementType type,
        Reduction reduction,
        nint stream = 0
    );

    /// <summary>Starts the reduction of all ranks' elements, of which rank r gets the r-th of <see cref="Size"/> equal parts.</summary>
    /// <param name="send">First of <c>Size · receiveCount</c> elements.</param>
    /// <param name="receive">Where this rank's part goes; may be <c>send + Rank · receiveCount</c> elements.</param>
    /// <param name="receiveCount">Number of elements of a part.</param>
    /// <param name="type">Their type.</param>
    /// <param name="reduction">How they become one.</param>
    /// <param name="stream">As in <see cref="BeginAllReduce"/>.</param>
    /// <returns>The operation, to be waited for.</returns>
    ICollectiveWork BeginReduceScatter(
        nint send,
        nint receive,
        long receiveCount,
        ElementType type,
        Reduction reduction,
        nint stream = 0
    );

    /// <summary>Starts the gathering of all ranks' parts, in the order of ranks.</summary>
    /// <param name="send">First of <paramref name="sendCount"/> elements; may be <c>receive + Rank · sendCount</c> elements.</param>
    /// <param name="receive">Where <c>Size · sendCount</c> elements go.</param>
    /// <param name="sendCount">Number of elements of a part.</param>
    /// <param name="type">Their type.</param>
    /// <param name="stream">As in <see cref="BeginAllReduce"/>.</param>
    /// <returns>The operation, to be waited for.</returns>
    ICollectiveWork BeginAllGather(nint send, nint receive, long sendCount, ElementType type, nint stream = 0);

    /// <summary>Starts the copying of one rank's elements to all others.</summary>
    /// <param name="buffer">First element: on <paramref name="root"/> what is copied, on others where it goes.</param>
    /// <param name="count">Number of elements.</param>
    /// <param name="type">Their type.</param>
    /// <param name="root">The rank that has them.</param>
    /// <param name="stream">As in <see cref="BeginAllReduce"/>.</param>
    /// <returns>The operation, to be waited for.</returns>
    ICollectiveWork BeginBroadcast(nint buffer, long count, ElementType type, int root, nint stream = 0);

    /// <summary>
    /// Begins a group: what is started until the returned value is disposed goes out as one operation where the engine can
    /// (<c>ncclGroupStart</c>), which saves launches for many small tensors.
    /// </summary>
    /// <returns>The end of the group, when disposed.</returns>
    IDisposable BeginGroup();

    /// <summary>Returns when every rank has come here.</summary>
    /// <exception cref="RankLostException">Some did not in time.</exception>
    void Barrier();

    /// <summary>Ends all operations of this communicator at once, without waiting for any rank. May be called from any thread.</summary>
    void Abort();
}
