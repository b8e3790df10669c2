// What `align` and `demo` share: resolve everything, run with a progress line, show what it came to.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Distributed;
using FlowBP.Training.Configuration;
using FlowBP.Training.Ranks;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Commands;

/// <summary>Runs an alignment for a person.</summary>
internal static class Alignment
{
    /// <summary>Resolves the settings, aligns, prints the summary.</summary>
    /// <param name="sources">Where the settings come from.</param>
    /// <param name="terminal">Receives progress and summary.</param>
    /// <returns>The exit code.</returns>
    /// <exception cref="UsageException">A setting is not accepted.</exception>
    /// <exception cref="RendezvousException">It is to run on several ranks, and they do not make one group.</exception>
    public static int Run(SettingSources sources, Terminal terminal)
    {
        var config = UsageException.Guard(() => AlignmentConfig.Resolve(sources));
        var place = RankEnvironment.Find();
        if (place is null && config.Ranks.Gpus is > 1 and var count)
        {
            return RankLauncher.Run(count, terminal.Error, terminal.Stop, terminal.Suspend);
        }
        if (place is not null && config.Ranks.Gpus is { } wanted && wanted != place.Size)
        {
            throw new UsageException(
                $"gpus is {wanted}, and {place.Launcher} has started {place.Size} ranks: leave gpus out, it starts ranks by itself"
            );
        }
        Threads.UseAll();
        if (place is { Size: > 1 })
        {
            return new RankedAlignment(config, place, terminal).Run(
                (own, ranks, stop) => Run(own, ranks, stop, terminal)
            );
        }
        Run(config, null, terminal.Stop, terminal);
        return 0;
    }

    private static void Run(AlignmentConfig config, RankGroup? ranks, CancellationToken stop, Terminal terminal)
    {
        var summary = ProgressLine.During(
            terminal,
            line =>
            {
                var progress = new AlignmentProgress(line, TimeProvider.System, stop);
                return new AlignmentRun(config, progress, ranks).Execute(stop, terminal.Suspend);
            }
        );
        AlignmentReport.Write(terminal, summary, config.OutputDir);
    }
}
