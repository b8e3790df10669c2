// Collectives in main memory over one connection from each rank to rank 0, which reduces and sends the result back. It is for machines
// without NCCL or MPI and for small groups: rank 0 moves as many bytes as all others together. Operations run on a thread of their own,
// in the order in which they were begun.

using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace FlowBP.Distributed;

/// <summary>Collectives over TCP.</summary>
public sealed class TcpCommunicator : ICommunicator
{
    // Reduced at a time.
    private const int ChunkElements = 1 << 16;

    // Rank 0 finds out first who is missing, and says it; the others wait so much longer for that.
    private static readonly TimeSpan s_margin = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    private readonly RankConnections connections;
    private readonly Func<RankLostException?> lost;
    private readonly Dictionary<int, NetworkStream> streams = [];
    private readonly BlockingCollection<TcpWork> queue = [];
    private readonly Thread worker;
    private long sequence;
    private volatile RankLostException? failure;
    private bool isDisposed;

    /// <summary>Takes the connections of a group that has met.</summary>
    /// <param name="connections">The connections; they stay the caller's.</param>
    /// <param name="timeout">How long an operation waits for the other ranks.</param>
    /// <param name="lost">Who is known to be lost: a better word than what a broken connection says.</param>
    internal TcpCommunicator(RankConnections connections, TimeSpan timeout, Func<RankLostException?> lost)
    {
        (this.connections, Timeout, this.lost) = (connections, timeout, lost);
        var wait = (int)(connections.Rank == 0 ? timeout : timeout + s_margin).TotalMilliseconds;
        foreach (var peer in connections.Peers)
        {
            streams[peer] = new(connections[peer, RankChannel.Collectives], ownsSocket: false)
            {
                ReadTimeout = wait,
                WriteTimeout = wait,
            };
        }
        worker = new Thread(Run) { IsBackground = true, Name = "FlowBP collectives" };
        worker.Start();
    }

    /// <inheritdoc/>
    public string Engine => "tcp";

    /// <inheritdoc/>
    public int Rank => connections.Rank;

    /// <inheritdoc/>
    public int Size => connections.Size;

    /// <inheritdoc/>
    public CollectiveMemory Memory => CollectiveMemory.Host;

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
    ) => Begin(new(0, CollectiveKind.AllReduce, type, reduction, 0, count), send, receive);

    /// <inheritdoc/>
    public ICollectiveWork BeginReduceScatter(
        nint send,
        nint receive,
        long receiveCount,
        ElementType type,
        Reduction reduction,
        nint stream = 0
    ) => Begin(new(0, CollectiveKind.ReduceScatter, type, reduction, 0, receiveCount), send, receive);

    /// <inheritdoc/>
    public ICollectiveWork BeginAllGather(nint send, nint receive, long sendCount, ElementType type, nint stream = 0) =>
        Begin(new(0, CollectiveKind.AllGather, type, Reduction.Sum, 0, sendCount), send, receive);

    /// <inheritdoc/>
    public ICollectiveWork BeginBroadcast(nint buffer, long count, ElementType type, int root, nint stream = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(root);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(root, Size);
        return Begin(new(0, CollectiveKind.Broadcast, type, Reduction.Sum, root, count), buffer, buffer);
    }

    /// <inheritdoc/>
    public IDisposable BeginGroup() => new Together();

    /// <inheritdoc/>
    public void Barrier() => BeginAllGather(0, 0, 0, ElementType.UInt8).Wait();

    /// <inheritdoc/>
    public void Abort()
    {
        failure ??= lost() ?? new("the collectives were aborted", []);
        foreach (var peer in connections.Peers)
        {
            // A worker that reads or writes is woken by it.
            connections[peer, RankChannel.Collectives].Close();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isDisposed)
        {
            return;
        }
        isDisposed = true;
        queue.CompleteAdding();
        worker.Join();
        foreach (var stream in streams.Values)
        {
            stream.Dispose();
        }
        queue.Dispose();
    }

    private TcpWork Begin(CollectiveCall call, nint send, nint receive)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(call.Count);
        ObjectDisposedException.ThrowIf(isDisposed, this);
        var work = new TcpWork(call with { Sequence = sequence++ }, send, receive);
        queue.Add(work);
        return work;
    }

    private void Run()
    {
        foreach (var work in queue.GetConsumingEnumerable())
        {
            try
            {
                if (failure is { } before)
                {
                    throw before.Again();
                }
                if (Rank == 0)
                {
                    Lead(work);
                }
                else
                {
                    Follow(work);
                }
                work.Complete(null);
            }
            catch (Exception e)
                when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
            {
                var known = e as RankLostException ?? Known();
                failure ??=
                    known
                    ?? new(
                        $"{work.Call}: the connection to {(Rank == 0 ? "a rank" : "rank 0")} is broken: {e.Message}",
                        Rank == 0 ? [] : [0],
                        e
                    );
                work.Complete(known ?? failure);
            }
        }
    }

    // Rank 0: hears all, reduces, and answers all.
    private unsafe void Lead(TcpWork work)
    {
        Span<byte> header = stackalloc byte[CollectiveCall.Bytes];
        foreach (var peer in connections.Peers)
        {
            From(peer, work, header);
            var theirs = CollectiveCall.Read(header);
            if (theirs != work.Call)
            {
                Refuse(
                    new RankLostException(
                        $"rank {peer} asks for {theirs} as operation {theirs.Sequence}, and rank 0 for {work.Call} as operation"
                            + $" {work.Call.Sequence}: the ranks do different things",
                        [peer]
                    )
                );
            }
        }
        var length = work.Call.Length;
        switch (work.Call.Kind)
        {
            case CollectiveKind.AllReduce:
                Reduce(work, work.Receive, work.Call.Count);
                Answer(_ => (work.Receive, length));
                break;
            case CollectiveKind.ReduceScatter:
                // All parts are reduced before any is sent: a rank reads its own after it has written all.
                using (var reduced = new HostMemory(checked(length * Size)))
                {
                    Reduce(work, reduced.Address, work.Call.Count * Size);
                    Buffer.MemoryCopy((void*)reduced.Address, (void*)work.Receive, length, length);
                    Answer(peer => (reduced.Address + (nint)(peer * length), length));
                }
                break;
            case CollectiveKind.AllGather:
                if (work.Send != work.Receive)
                {
                    Buffer.MemoryCopy((void*)work.Send, (void*)work.Receive, length, length);
                }
                foreach (var peer in connections.Peers)
                {
                    From(peer, work, work.Receive + (nint)(peer * length), length);
                }
                Answer(_ => (work.Receive, length * Size));
                break;
            default:
                if (work.Call.Root != 0)
                {
                    From(work.Call.Root, work, work.Receive, length);
                }
                Answer(peer => (work.Receive, peer == work.Call.Root ? 0 : length));
                break;
        }
    }

    private unsafe void Reduce(TcpWork work, nint result, long count)
    {
        var size = work.Call.Type.Bytes();
        var sums = new double[ChunkElements];
        var arrived = new byte[ChunkElements * size];
        for (var done = 0L; done < count; done += ChunkElements)
        {
            var elements = (int)Math.Min(ChunkElements, count - done);
            var own = new ReadOnlySpan<byte>((void*)(work.Send + (nint)(done * size)), elements * size);
            var target = new Span<byte>((void*)(result + (nint)(done * size)), elements * size);
            var chunk = arrived.AsSpan(0, elements * size);
            if (work.Call.Type == ElementType.Int64)
            {
                own.CopyTo(target);
            }
            else
            {
                ElementSums.Begin(own, work.Call.Type, sums.AsSpan(0, elements));
            }
            foreach (var peer in connections.Peers)
            {
                From(peer, work, chunk);
                if (work.Call.Type == ElementType.Int64)
                {
                    ElementSums.AddIntegers(chunk, work.Call.Reduction, target);
                }
                else
                {
                    ElementSums.Add(chunk, work.Call.Type, work.Call.Reduction, sums.AsSpan(0, elements));
                }
            }
            if (work.Call.Type != ElementType.Int64)
            {
                ElementSums.End(sums.AsSpan(0, elements), work.Call.Type, target);
            }
        }
    }

    private void Answer(Func<int, (nint Address, long Length)> of)
    {
        foreach (var peer in connections.Peers)
        {
            RankMessages.Write(streams[peer], []);
            var (address, length) = of(peer);
            HostMemory.Write(streams[peer], address, length);
        }
    }

    private unsafe void Follow(TcpWork work)
    {
        Span<byte> header = stackalloc byte[CollectiveCall.Bytes];
        work.Call.Write(header);
        var stream = streams[0];
        stream.Write(header);
        var length = work.Call.Length;
        var sent = work.Call.Kind switch
        {
            CollectiveKind.ReduceScatter => length * Size,
            CollectiveKind.Broadcast when work.Call.Root != Rank => 0,
            _ => length,
        };
        HostMemory.Write(stream, work.Send, sent);
        byte[] refusal;
        try
        {
            refusal = RankMessages.Read(stream);
        }
        catch (IOException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut })
        {
            throw new RankLostException(
                $"rank 0 did not answer {work.Call} within {(Timeout + s_margin).TotalSeconds:0.#} s",
                [0],
                e
            );
        }
        if (refusal.Length > 0)
        {
            throw new RankLostException(Encoding.UTF8.GetString(refusal), []);
        }
        var got = work.Call.Kind switch
        {
            CollectiveKind.AllGather => length * Size,
            CollectiveKind.Broadcast when work.Call.Root == Rank => 0,
            _ => length,
        };
        HostMemory.Read(stream, work.Receive, got);
    }

    private unsafe void From(int peer, TcpWork work, nint address, long length)
    {
        for (var done = 0L; done < length; done += ChunkElements)
        {
            From(
                peer,
                work,
                new Span<byte>((void*)(address + (nint)done), (int)Math.Min(ChunkElements, length - done))
            );
        }
    }

    private void From(int peer, TcpWork work, Span<byte> bytes)
    {
        try
        {
            streams[peer].ReadExactly(bytes);
        }
        catch (IOException e)
        {
            var isLate = e.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut };
            Refuse(
                new RankLostException(
                    isLate
                        ? $"rank {peer} did not come to {work.Call} within {Timeout.TotalSeconds:0.#} s"
                        : $"rank {peer} is gone: it did not come to {work.Call}",
                    [peer],
                    e
                )
            );
        }
    }

    // Tells the ranks that wait why they get nothing.
    private void Refuse(RankLostException reason)
    {
        // A connection that is broken has a reason that others know better.
        var said = (reason.InnerException is EndOfStreamException ? Known() : lost()) ?? reason;
        foreach (var peer in connections.Peers.Except(said.Ranks))
        {
            try
            {
                RankMessages.Write(streams[peer], Encoding.UTF8.GetBytes(said.Message));
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
            {
                // It is told by its own deadline.
                _ = e;
            }
        }
        throw new RankLostException(said.Message, said.Ranks, reason);
    }

    // Who is lost, where that is known: a broken connection is often noticed before the reason arrives.
    private RankLostException? Known()
    {
        var end = DateTime.UtcNow + s_margin;
        while (lost() is null && DateTime.UtcNow < end)
        {
            Thread.Sleep(s_pause);
        }
        return lost();
    }

    private sealed class Together : IDisposable
    {
        public void Dispose()
        {
            // Operations go out one by one, in order.
        }
    }
}
