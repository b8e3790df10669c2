// Ranks as threads of one process: everything between them goes through sockets all the same.

using System.Net;
using System.Net.Sockets;
using FlowBP.Distributed;

namespace FlowBP.Tests;

/// <summary>Runs a group of ranks.</summary>
internal static class RankThreads
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    /// <summary>A port that nobody listens on at present.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>The place of a rank.</summary>
    public static RankPlace Place(int rank, int size, int port, string secret = "secret") =>
        new("test", rank, size, rank, "127.0.0.1", port, secret);

    /// <summary>Has each of several ranks do something, side by side.</summary>
    /// <returns>What each threw, by rank; null: nothing.</returns>
    public static Exception?[] Each(int size, Action<int> work)
    {
        var failures = new Exception?[size];
        Thread[] threads =
        [
            .. Enumerable
                .Range(0, size)
                .Select(rank => new Thread(() =>
                {
                    try
                    {
                        work(rank);
                    }
                    catch (Exception e)
                    {
                        failures[rank] = e;
                    }
                })
                {
                    IsBackground = true,
                }),
        ];
        foreach (var thread in threads)
        {
            thread.Start();
        }
        foreach (var (rank, thread) in threads.Index())
        {
            Assert.That(thread.Join(s_limit), $"rank {rank} hangs");
        }
        return failures;
    }

    /// <summary>Has the ranks of a group do something that none of them may fail in.</summary>
    public static void Together(int size, Action<JoinedRanks> work, double seconds = 20)
    {
        var port = FreePort();
        var failures = Each(
            size,
            rank =>
            {
                using var joined = Join(rank, size, port, seconds);
                work(joined);
                joined.Communicator.Barrier();
            }
        );
        Assert.That(failures.OfType<Exception>(), Is.Empty);
    }

    /// <summary>Meets.</summary>
    public static JoinedRanks Join(
        int rank,
        int size,
        int port,
        double seconds = 20,
        string secret = "secret",
        IReadOnlyDictionary<string, string>? settings = null,
        string version = "1",
        Action<string>? notice = null
    ) =>
        JoinedRanks.Meet(
            Place(rank, size, port, secret),
            settings ?? new Dictionary<string, string>(),
            version,
            TimeSpan.FromSeconds(seconds),
            notice ?? (_ => { })
        );
}
