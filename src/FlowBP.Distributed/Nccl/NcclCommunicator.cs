// Collectives among GPUs. No call blocks: NCCL answers "in progress", and whether an operation has ended is asked again and again until a
// deadline, at which the communicator is aborted. That is what makes it possible to say that somebody is missing, where NCCL itself would
// wait for ever. Who it is NCCL does not know; whoever watches over the ranks may.

using System.Diagnostics;

namespace FlowBP.Distributed;

/// <summary>Collectives over NCCL, in the memory of each rank's GPU.</summary>
public sealed unsafe class NcclCommunicator : ICommunicator
{
    // Long enough to leave the processor to others, short beside any exchange of weights.
    private static readonly TimeSpan s_pause = TimeSpan.FromMicroseconds(200);

    private readonly NcclLibrary library;
    private readonly Func<nint, bool> isIdle;
    private readonly nint scratch;
    private readonly Func<RankLostException?> lost;
    private readonly Lock gate = new();
    private nint handle;
    private RankLostException? failure;
    private int groups;

    /// <summary>Makes a group; returns when all ranks have come.</summary>
    /// <param name="library">NCCL.</param>
    /// <param name="id">What rank 0 drew (<see cref="NcclLibrary.NewId"/>).</param>
    /// <param name="rank">Number of this process. Its GPU is the calling thread's current one.</param>
    /// <param name="size">Number of processes.</param>
    /// <param name="timeout">How long to wait for the others, now and in every operation.</param>
    /// <param name="isIdle">Whether all that was begun on a CUDA stream has ended (<c>cuStreamQuery</c>).</param>
    /// <param name="scratch">Four bytes of the GPU's memory, for barriers; the caller's.</param>
    /// <param name="lost">Who is known to be lost; null: nobody knows.</param>
    /// <exception cref="NcclException">NCCL reports an error.</exception>
    /// <exception cref="RankLostException">A rank did not come in time.</exception>
    public NcclCommunicator(
        NcclLibrary library,
        ReadOnlySpan<byte> id,
        int rank,
        int size,
        TimeSpan timeout,
        Func<nint, bool> isIdle,
        nint scratch,
        Func<RankLostException?>? lost = null
    )
    {
        (this.library, this.isIdle, this.scratch, this.lost) = (library, isIdle, scratch, lost ?? (() => null));
        (Rank, Size, Timeout) = (rank, size, timeout);
        var config = NcclConfig.NonBlocking();
        nint made = 0;
        var result = library.Initialise(&made, size, NcclUniqueId.Of(id), rank, &config);
        handle = made;
        Check(result, "making a group");
        Settle("making a group");
    }

    /// <inheritdoc/>
    public string Engine => $"nccl {library.Version}";

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <inheritdoc/>
    public CollectiveMemory Memory => CollectiveMemory.Device;

    /// <inheritdoc/>
    public TimeSpan Timeout { get; }

    /// <inheritdoc/>
    public ICollectiveWork BeginAllReduce(
        nint send,
        nint receive,
        long count,
        ElementType type,
        Reduction reduction,
        nint stream = 0
    ) =>
        Begin(
            "an all-reduce",
            stream,
            () =>
                library.AllReduce(
                    send,
                    receive,
                    (nuint)count,
                    NcclNumbers.Of(type),
                    NcclNumbers.Of(reduction),
                    handle,
                    stream
                )
        );

    /// <inheritdoc/>
    public ICollectiveWork BeginReduceScatter(
        nint send,
        nint receive,
        long receiveCount,
        ElementType type,
        Reduction reduction,
        nint stream = 0
    ) =>
        Begin(
            "a reduce-scatter",
            stream,
            () =>
                library.ReduceScatter(
                    send,
                    receive,
                    (nuint)receiveCount,
                    NcclNumbers.Of(type),
                    NcclNumbers.Of(reduction),
                    handle,
                    stream
                )
        );

    /// <inheritdoc/>
    public ICollectiveWork BeginAllGather(nint send, nint receive, long sendCount, ElementType type, nint stream = 0) =>
        Begin(
            "an all-gather",
            stream,
            () => library.AllGather(send, receive, (nuint)sendCount, NcclNumbers.Of(type), handle, stream)
        );

    /// <inheritdoc/>
    public ICollectiveWork BeginBroadcast(nint buffer, long count, ElementType type, int root, nint stream = 0) =>
        Begin(
            "a broadcast",
            stream,
            () => library.Broadcast(buffer, buffer, (nuint)count, NcclNumbers.Of(type), root, handle, stream)
        );

    /// <inheritdoc/>
    public IDisposable BeginGroup()
    {
        Throw();
        Check(library.GroupStart(), "beginning a group of operations");
        groups++;
        return new Group(this);
    }

    /// <inheritdoc/>
    public void Barrier() => BeginAllReduce(scratch, scratch, 1, ElementType.Float32, Reduction.Max).Wait();

    /// <inheritdoc/>
    public void Abort() => End(new RankLostException("the collectives were aborted", []));

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            if (handle == 0)
            {
                return;
            }
        }
        try
        {
            Check(library.Finalise(handle), "ending a group");
            Settle("ending a group");
            Check(library.Destroy(handle), "ending a group");
            handle = 0;
        }
        catch (Exception e) when (e is RankLostException or NcclException)
        {
            // A group that can't be ended in order is ended all the same.
            End(e as RankLostException ?? new RankLostException(e.Message, [], e));
        }
    }

    private Work Begin(string what, nint stream, Func<NcclResult> operation)
    {
        Throw();
        Check(operation(), what);
        if (groups == 0)
        {
            Settle(what);
        }
        return new Work(this, what, stream);
    }

    private void EndGroup()
    {
        groups--;
        Check(library.GroupEnd(), "a group of operations");
        if (groups == 0)
        {
            Settle("a group of operations");
        }
    }

    // Waits until NCCL has begun what was asked for: before that nothing else may be.
    private void Settle(string what) => WaitFor(what, () => State(what) == NcclResult.Success);

    private NcclResult State(string what)
    {
        lock (gate)
        {
            Throw();
            NcclResult state;
            Check(library.AsyncError(handle, &state), what);
            Check(state, what);
            return state;
        }
    }

    private void WaitFor(string what, Func<bool> isDone)
    {
        var clock = Stopwatch.StartNew();
        while (!isDone())
        {
            if (lost() is { } known)
            {
                throw End(known);
            }
            if (clock.Elapsed > Timeout)
            {
                throw End(
                    new RankLostException(
                        $"{what} did not end within {Timeout.TotalSeconds:0.#} s: a rank has not come to it",
                        []
                    )
                );
            }
            Thread.Sleep(s_pause);
        }
    }

    private RankLostException End(RankLostException reason)
    {
        lock (gate)
        {
            failure ??= reason;
            if (handle != 0)
            {
                // Its result says nothing that the reason does not.
                _ = library.Abort(handle);
                handle = 0;
            }
        }
        return new RankLostException(failure.Message, failure.Ranks, failure);
    }

    private void Throw()
    {
        if (failure is { } reason)
        {
            throw new RankLostException(reason.Message, reason.Ranks, reason);
        }
    }

    private void Check(NcclResult result, string what) => library.Check(result, handle, what);

    private sealed class Group(NcclCommunicator owner) : IDisposable
    {
        private bool isEnded;

        public void Dispose()
        {
            if (!isEnded)
            {
                isEnded = true;
                owner.EndGroup();
            }
        }
    }

    private sealed class Work(NcclCommunicator owner, string what, nint stream) : ICollectiveWork
    {
        public bool IsCompleted => owner.isIdle(stream);

        public void Wait() =>
            owner.WaitFor(
                what,
                () =>
                {
                    _ = owner.State(what);
                    return owner.isIdle(stream);
                }
            );
    }
}
