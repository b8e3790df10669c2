namespace FlowBP.Distributed;

/// <summary>Which process of a job this is, and where the processes meet.</summary>
/// <param name="Launcher">Who started it, as the table of <see cref="RankEnvironment"/> names it.</param>
/// <param name="Rank">Number of this process, from 0.</param>
/// <param name="Size">Number of processes.</param>
/// <param name="LocalRank">Number of this process among those of its node, from 0: the GPU that it takes.</param>
/// <param name="MasterAddress">Name or address of the node of rank 0.</param>
/// <param name="MasterPort">TCP port on which rank 0 listens.</param>
/// <param name="Secret">What a process has to know to belong to the job.</param>
public sealed record RankPlace(
    string Launcher,
    int Rank,
    int Size,
    int LocalRank,
    string MasterAddress,
    int MasterPort,
    string Secret
);

/// <summary>Processes can't find each other by what their environments say, or do not make one group.</summary>
/// <param name="message">What is wrong and what to do, on one line.</param>
/// <param name="isSameEverywhere">Whether every rank finds the same: rank 0 alone need say it.</param>
/// <param name="inner">What the system said, or null.</param>
public sealed class RendezvousException(string message, bool isSameEverywhere = false, Exception? inner = null)
    : IOException(message, inner)
{
    /// <summary>Whether every rank finds the same: rank 0 alone need say it.</summary>
    public bool IsSameEverywhere { get; } = isSameEverywhere;
}
