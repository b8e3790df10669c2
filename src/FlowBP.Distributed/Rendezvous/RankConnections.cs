using System.Net.Sockets;

namespace FlowBP.Distributed;

/// <summary>What a process says of itself when it joins; all ranks must say the same of <c>Version</c>, <c>Size</c> and <c>Settings</c>.</summary>
/// <param name="Rank">Its rank.</param>
/// <param name="Size">Number of processes, as it knows.</param>
/// <param name="Channel">What the connection is for.</param>
/// <param name="Version">Version of the program.</param>
/// <param name="Settings">Settings by name, as they would be typed.</param>
/// <param name="Host">Name of its node.</param>
/// <param name="Process">Number of its process there.</param>
internal sealed record RankHello(
    int Rank,
    int Size,
    RankChannel Channel,
    string Version,
    IReadOnlyDictionary<string, string> Settings,
    string Host,
    int Process
);

/// <summary>What a connection between two ranks is for.</summary>
internal enum RankChannel
{
    /// <summary>Signs of life and orders.</summary>
    Control,

    /// <summary>Collectives in main memory.</summary>
    Collectives,
}

/// <summary>The connections of a rank: rank 0 has two to each other rank, and these have two to rank 0.</summary>
internal sealed class RankConnections : IDisposable
{
    private readonly Dictionary<(int Rank, RankChannel Channel), Socket> sockets = [];

    /// <summary>Which rank this is.</summary>
    /// <param name="rank">The rank.</param>
    /// <param name="size">Number of ranks.</param>
    public RankConnections(int rank, int size) => (Rank, Size) = (rank, size);

    /// <summary>This rank.</summary>
    public int Rank { get; }

    /// <summary>Number of ranks.</summary>
    public int Size { get; }

    /// <summary>Ranks that this one is connected to, ascending.</summary>
    public IReadOnlyList<int> Peers => Rank == 0 ? [.. Enumerable.Range(1, Size - 1)] : [0];

    /// <summary>A connection.</summary>
    /// <param name="rank">To which rank.</param>
    /// <param name="channel">What for.</param>
    public Socket this[int rank, RankChannel channel]
    {
        get => sockets[(rank, channel)];
        set => sockets[(rank, channel)] = value;
    }

    /// <summary>Whether a connection is there.</summary>
    /// <param name="rank">To which rank.</param>
    /// <param name="channel">What for.</param>
    public bool Has(int rank, RankChannel channel) => sockets.ContainsKey((rank, channel));

    /// <summary>Ranks with a connection missing, ascending.</summary>
    public IReadOnlyList<int> Missing =>
        [.. Peers.Where(rank => !Enum.GetValues<RankChannel>().All(channel => Has(rank, channel)))];

    /// <summary>Closes all.</summary>
    public void Dispose()
    {
        foreach (var socket in sockets.Values)
        {
            socket.Dispose();
        }
    }
}
