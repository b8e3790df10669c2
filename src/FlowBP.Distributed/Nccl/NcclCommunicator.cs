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
    private IOException? failure;
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
        lock (gate)
        {
            var result = library.Initialise(&made, size, NcclUniqueId.Of(id), rank, &config);
            handle = made;
            Check(result, "making a group");
        }
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
        lock (gate)
        {
            Throw();
            Check(library.GroupStart(), "beginning a group of operations");
            groups++;
        }
        return new Group(this);
    }

    /// <inheritdoc/>
    public void Barrier() => BeginAllReduce(scratch, scratch, 1, ElementType.Float32, Reduction.Max).Wait();

    /// <inheritdoc/>
    public void Abort() => End(lost() ?? new RankLostException("the collectives were aborted", []));

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            lock (gate)
            {
                if (handle == 0)
                {
                    return;
                }
                Check(library.Finalise(handle), "ending a group");
            }
            Settle("ending a group");
            lock (gate)
            {
                var ended = handle;
                handle = 0;
                library.Check(library.Destroy(ended), 0, "ending a group");
            }
        }
        catch (Exception e) when (e is RankLostException or NcclException)
        {
            // A group that can't be ended in order is ended all the same; who has thrown before has said why.
            End((IOException)e);
        }
    }

    private Work Begin(string what, nint stream, Func<NcclResult> operation)
    {
        lock (gate)
        {
            Throw();
            Check(operation(), what);
        }
        if (groups == 0)
        {
            Settle(what);
        }
        return new Work(this, what, stream);
    }

    private void EndGroup()
    {
        lock (gate)
        {
            groups--;
            Throw();
            Check(library.GroupEnd(), "a group of operations");
        }
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

    private IOException End(IOException reason)
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
        return Again(failure);
    }

    private void Throw()
    {
        if (failure is { } reason)
        {
            throw Again(reason);
        }
    }

    private static IOException Again(IOException reason) =>
        reason is RankLostException lost ? lost.Again() : new NcclException(reason.Message);

    // An error is the end of a communicator: all that is left to do with it is to abort it.
    private void Check(NcclResult result, string what)
    {
        try
        {
            library.Check(result, handle, what);
        }
        catch (NcclException e)
        {
            End(e);
            throw;
        }
    }

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
        // What is in a group has not begun before the group's end.
        public bool IsCompleted => owner.groups == 0 && owner.failure is null && owner.isIdle(stream);

        public void Wait()
        {
            if (owner.groups > 0)
            {
                throw new InvalidOperationException(
                    $"{what} is in a group that is still open, and begins at its end: wait after it"
                );
            }
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
}
