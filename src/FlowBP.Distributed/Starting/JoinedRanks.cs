// One call from the environment to a group that works together.

namespace FlowBP.Distributed;

/// <summary>A group of processes that have met.</summary>
public sealed class JoinedRanks : IDisposable
{
    private readonly RankConnections connections;

    private JoinedRanks(RankConnections connections, TimeSpan timeout)
    {
        this.connections = connections;
        Control = new(connections, timeout);
        Communicator = new TcpCommunicator(connections, timeout, () => Control.Failure);
        // Whoever waits in an operation is woken as soon as somebody is known to be lost.
        Control.Lost += _ => Communicator.Abort();
    }

    /// <summary>Meets the other processes.</summary>
    /// <param name="place">Which process this is.</param>
    /// <param name="settings">Settings that all ranks must share, by name, as they would be typed.</param>
    /// <param name="version">Version of the program, which all ranks must share.</param>
    /// <param name="timeout">How long to wait for each other, when meeting and afterwards; at least a second.</param>
    /// <param name="notice">Hears of strangers; may be called from another thread.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="RendezvousException">The ranks are not one group, some did not come, or the port is taken.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static JoinedRanks Meet(
        RankPlace place,
        IReadOnlyDictionary<string, string> settings,
        string version,
        TimeSpan timeout,
        Action<string> notice,
        CancellationToken cancellation = default
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.FromSeconds(1));
        var rendezvous = new TcpRendezvous(place, settings, version, timeout, notice);
        return new(rendezvous.Meet(cancellation), timeout);
    }

    /// <summary>Collectives in main memory.</summary>
    public ICommunicator Communicator { get; }

    /// <summary>Who is still there, and orders of rank 0.</summary>
    public ControlPlane Control { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Control.Dispose();
        Communicator.Dispose();
        connections.Dispose();
    }
}
