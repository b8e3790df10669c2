// Who is still there. Every rank has a connection to rank 0 on which both give signs of life, from a thread of their own: a process that
// was killed closes it, one that was stopped falls silent, a node that is gone does too. Rank 0 tells all others who is lost. A rank that
// ends by an error of its own says which, so that nobody takes it for a broken connection. Orders of rank 0 travel here as well, because
// the others may have to wait for the next one as long as an evaluation takes.

using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace FlowBP.Distributed;

/// <summary>Watches over the ranks and carries orders.</summary>
public sealed class ControlPlane : IDisposable
{
    private const int LongestOrder = 1 << 20;

    private enum Kind : byte
    {
        Alive,
        Order,
        Lost,
        Resigned,
        Goodbye,
    }

    private sealed record Loss(IReadOnlyList<int> Ranks, string Message);

    private readonly RankConnections connections;
    private readonly TimeSpan timeout;
    private readonly Dictionary<int, NetworkStream> streams = [];
    private readonly BlockingCollection<byte[]> orders = [];
    private readonly ManualResetEvent ending = new(false);
    private readonly List<Thread> threads = [];
    private readonly Lock gate = new();
    private RankLostException? failure;
    private bool isDisposed;

    internal ControlPlane(RankConnections connections, TimeSpan timeout)
    {
        (this.connections, this.timeout) = (connections, timeout);
        foreach (var peer in connections.Peers)
        {
            streams[peer] = new(connections[peer, RankChannel.Control], ownsSocket: false)
            {
                ReadTimeout = (int)timeout.TotalMilliseconds,
                WriteTimeout = (int)timeout.TotalMilliseconds,
            };
        }
        foreach (var peer in connections.Peers)
        {
            Start($"FlowBP hears rank {peer}", () => Listen(peer));
        }
        Start("FlowBP signs of life", GiveSignsOfLife);
    }

    /// <summary>Called once, from another thread, when ranks are lost.</summary>
    public event Action<RankLostException>? Lost;

    /// <summary>Who is lost; null: nobody.</summary>
    public RankLostException? Failure
    {
        get
        {
            lock (gate)
            {
                return failure;
            }
        }
    }

    /// <summary>Sends an order to all other ranks; rank 0 only.</summary>
    /// <param name="order">The order.</param>
    /// <exception cref="RankLostException">A rank is lost.</exception>
    public void SendOrder(ReadOnlySpan<byte> order)
    {
        Throw();
        foreach (var peer in connections.Peers)
        {
            Send(peer, Kind.Order, order);
        }
        Throw();
    }

    /// <summary>Waits for the next order of rank 0, as long as it takes.</summary>
    /// <exception cref="RankLostException">A rank is lost.</exception>
    public byte[] ReceiveOrder()
    {
        try
        {
            return orders.Take();
        }
        catch (InvalidOperationException)
        {
            Throw();
            throw new RankLostException("rank 0 has ended", [0]);
        }
    }

    /// <summary>Tells the others that this rank ends by an error of its own.</summary>
    /// <param name="reason">The error, on one line.</param>
    public void Resign(string reason)
    {
        foreach (var peer in connections.Peers)
        {
            Send(peer, Kind.Resigned, Encoding.UTF8.GetBytes(reason));
        }
    }

    /// <summary>Ends the watch: this rank is done, and nobody misses it.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (isDisposed)
            {
                return;
            }
            isDisposed = true;
        }
        foreach (var peer in connections.Peers)
        {
            Send(peer, Kind.Goodbye, []);
        }
        ending.Set();
        foreach (var peer in connections.Peers)
        {
            // Listening threads wake up; what was sent still arrives.
            try
            {
                connections[peer, RankChannel.Control].Shutdown(SocketShutdown.Both);
            }
            catch (SocketException)
            {
                // It is closed already.
            }
        }
        threads.ForEach(thread => thread.Join());
        foreach (var stream in streams.Values)
        {
            stream.Dispose();
        }
        orders.Dispose();
        ending.Dispose();
    }

    private void Throw()
    {
        if (Failure is { } lost)
        {
            throw lost.Again();
        }
    }

    private void Start(string name, Action work)
    {
        var thread = new Thread(() => work()) { IsBackground = true, Name = name };
        threads.Add(thread);
        thread.Start();
    }

    private void GiveSignsOfLife()
    {
        var pause = TimeSpan.FromMilliseconds(Math.Clamp(timeout.TotalMilliseconds / 5, 50, 5000));
        while (!ending.WaitOne(pause))
        {
            foreach (var peer in connections.Peers)
            {
                Send(peer, Kind.Alive, []);
            }
        }
    }

    private void Send(int peer, Kind kind, ReadOnlySpan<byte> content)
    {
        try
        {
            lock (streams[peer])
            {
                RankMessages.Write(streams[peer], [(byte)kind, .. content]);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The thread that listens to this rank finds the same, and says it.
            _ = e;
        }
    }

    private void Listen(int peer)
    {
        try
        {
            while (true)
            {
                var message = RankMessages.Read(streams[peer], LongestOrder);
                var content = message.AsSpan(Math.Min(1, message.Length));
                switch (message.Length == 0 ? Kind.Alive : (Kind)message[0])
                {
                    case Kind.Alive:
                        break;
                    case Kind.Order:
                        orders.Add(content.ToArray());
                        break;
                    case Kind.Lost:
                        var loss = JsonSerializer.Deserialize<Loss>(content)!;
                        Lose(loss);
                        return;
                    case Kind.Resigned:
                        Lose(new([peer], $"rank {peer} ended: {Encoding.UTF8.GetString(content)}"));
                        return;
                    case Kind.Goodbye:
                        if (peer == 0)
                        {
                            orders.CompleteAdding();
                        }
                        return;
                    default:
                        throw new InvalidDataException($"a message of kind {message[0]}");
                }
            }
        }
        catch (Exception e)
            when (e
                    is IOException
                        or SocketException
                        or ObjectDisposedException
                        or InvalidDataException
                        or JsonException
            )
        {
            var isSilent = e.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut };
            Lose(
                new(
                    [peer],
                    isSilent
                        ? $"rank {peer} has given no sign of life for {timeout.TotalSeconds:0.#} s: its process is stopped, or its node gone"
                        : $"rank {peer} is gone: its process has ended"
                )
            );
        }
    }

    private void Lose(Loss loss)
    {
        RankLostException lost;
        lock (gate)
        {
            if (failure is not null || isDisposed)
            {
                return;
            }
            failure = lost = new(loss.Message, loss.Ranks);
        }
        if (connections.Rank == 0)
        {
            var text = JsonSerializer.SerializeToUtf8Bytes(loss);
            foreach (var peer in connections.Peers.Except(loss.Ranks))
            {
                Send(peer, Kind.Lost, text);
            }
        }
        orders.CompleteAdding();
        Lost?.Invoke(lost);
    }
}
