namespace FlowBP.Distributed;

/// <summary>A group of one process, in host memory: every operation is a copy, or nothing.</summary>
public sealed class SoloCommunicator : ICommunicator
{
    /// <inheritdoc/>
    public string Engine => "one process";

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public CollectiveMemory Memory => CollectiveMemory.Host;

    /// <inheritdoc/>
    public TimeSpan Timeout => System.Threading.Timeout.InfiniteTimeSpan;

    /// <inheritdoc/>
    public ICollectiveWork BeginAllReduce(
        nint send,
        nint receive,
        long count,
        ElementType type,
        Reduction reduction,
        nint stream = 0
    ) => Copied(send, receive, count, type);

    /// <inheritdoc/>
    public ICollectiveWork BeginReduceScatter(
        nint send,
        nint receive,
        long receiveCount,
        ElementType type,
        Reduction reduction,
        nint stream = 0
    ) => Copied(send, receive, receiveCount, type);

    /// <inheritdoc/>
    public ICollectiveWork BeginAllGather(nint send, nint receive, long sendCount, ElementType type, nint stream = 0) =>
        Copied(send, receive, sendCount, type);

    /// <inheritdoc/>
    public ICollectiveWork BeginBroadcast(nint buffer, long count, ElementType type, int root, nint stream = 0) =>
        root == 0
            ? new CompletedWork()
            : throw new ArgumentOutOfRangeException(nameof(root), root, "a group of one process has rank 0 alone");

    /// <inheritdoc/>
    public IDisposable BeginGroup() => new CompletedWork();

    /// <inheritdoc/>
    public void Barrier()
    {
        // Every rank is here.
    }

    /// <inheritdoc/>
    public void Abort()
    {
        // Nothing runs.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing is held.
    }

    private static unsafe CompletedWork Copied(nint send, nint receive, long count, ElementType type)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (send != receive)
        {
            var bytes = checked(count * type.Bytes());
            Buffer.MemoryCopy((void*)send, (void*)receive, bytes, bytes);
        }
        return new();
    }

    private sealed class CompletedWork : ICollectiveWork, IDisposable
    {
        public bool IsCompleted => true;

        public void Wait()
        {
            // It is.
        }

        public void Dispose()
        {
            // A group of nothing.
        }
    }
}
