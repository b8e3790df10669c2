// An alignment by several processes: those that a launcher has started meet, rank 0 runs, and the others follow it.

using System.Reflection;
using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Distributed;
using FlowBP.Training.Configuration;
using FlowBP.Training.Ranks;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Commands;

/// <summary>What a process does as one of several ranks.</summary>
/// <param name="config">The run, the same on every rank.</param>
/// <param name="place">Which rank this is.</param>
/// <param name="terminal">Receives notes.</param>
internal sealed class RankedAlignment(AlignmentConfig config, RankPlace place, Terminal terminal)
{
    // Followers have nothing to store; one that is in the middle of a step when a rank is lost ends all the same.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(4);

    // Each rank has its own, or rank 0 alone needs it.
    private static readonly HashSet<string> s_ofEachRank = ["device", "cpu_workers", "gpus", "output_dir", "overwrite"];

    /// <summary>The settings of this rank: its own GPU.</summary>
    private AlignmentConfig Own =>
        config.Model.Device is "auto" or "cuda" && TorchLibrary.CudaDevices > 0
            ? config with
            {
                Model = config.Model with { Device = $"cuda:{place.LocalRank}" },
            }
            : config;

    /// <summary>Meets the other ranks, and leads or follows.</summary>
    /// <param name="lead">What rank 0 does with its group.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="RendezvousException">The ranks are not one group, or some did not come.</exception>
    /// <exception cref="RankLostException">A rank is lost.</exception>
    public int Run(Action<AlignmentConfig, RankGroup, CancellationToken> lead)
    {
        using var lost = CancellationTokenSource.CreateLinkedTokenSource(terminal.Stop);
        JoinedRanks joined;
        try
        {
            joined = JoinedRanks.Meet(
                place,
                config.Resolved().Where(each => !s_ofEachRank.Contains(each.Key)).ToDictionary(),
                Version,
                TimeSpan.FromSeconds(config.Ranks.Timeout),
                terminal.Error.WriteLine,
                terminal.Stop
            );
        }
        catch (RendezvousException e) when (e.IsSameEverywhere && place.Rank != 0)
        {
            // Rank 0 says it.
            return FailureReport.Failed;
        }
        using (joined)
        {
            joined.Control.Lost += _ => lost.Cancel();
            return place.Rank == 0 ? Lead(joined, lead, lost.Token) : Follow(joined);
        }
    }

    private static string Version =>
        typeof(RankedAlignment)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion
        ?? "unknown";

    private int Lead(
        JoinedRanks joined,
        Action<AlignmentConfig, RankGroup, CancellationToken> lead,
        CancellationToken stop
    )
    {
        void Send(RankOrder order) => joined.Control.SendOrder(order.ToBytes());
        try
        {
            lead(Own, new RankGroup(joined.Communicator, Send, () => joined.Control.Failure), stop);
            Send(new(RankTask.End));
            return 0;
        }
        catch (OperationCanceledException) when (joined.Control.Failure is { } lost)
        {
            throw lost.Again();
        }
        catch (Exception e) when (joined.Control.Failure is null)
        {
            // The others end as this one does, and leave the saying to it.
            Send(new(RankTask.End, FailureReport.Of(e).ExitCode));
            throw;
        }
    }

    private int Follow(JoinedRanks joined)
    {
        joined.Control.Lost += lost =>
            new Thread(() =>
            {
                Thread.Sleep(s_grace);
                terminal.Error.WriteLine($"flowbp: {lost.Message}");
                Environment.Exit(FailureReport.Failed);
            })
            {
                IsBackground = true,
            }.Start();
        try
        {
            return new RankFollower(
                Own,
                new RankGroup(joined.Communicator, lost: () => joined.Control.Failure),
                () => RankOrder.Read(joined.Control.ReceiveOrder()),
                // What there is to note, rank 0 notes.
                _ => { }
            ).Run();
        }
        catch (Exception e) when (e is not RankLostException)
        {
            joined.Control.Resign(FailureReport.Of(e).Line);
            throw;
        }
    }
}
