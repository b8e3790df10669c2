// What `align` and `demo` share: resolve everything, run with a progress line, show what it came to.

using FlowBP.Cli.Failures;
using FlowBP.Cli.Machine;
using FlowBP.Cli.Output;
using FlowBP.Training.Configuration;
using FlowBP.Training.Runs;

namespace FlowBP.Cli.Commands;

/// <summary>Runs an alignment for a person.</summary>
internal static class Alignment
{
    /// <summary>Resolves the settings, aligns, prints the summary.</summary>
    /// <param name="sources">Where the settings come from.</param>
    /// <param name="terminal">Receives progress and summary.</param>
    /// <exception cref="UsageException">A setting is not accepted.</exception>
    public static void Run(SettingSources sources, Terminal terminal)
    {
        var config = UsageException.Guard(() => AlignmentConfig.Resolve(sources));
        Threads.UseAll();
        var summary = ProgressLine.During(
            terminal,
            line =>
            {
                var progress = new AlignmentProgress(line, TimeProvider.System, terminal.Stop);
                return new AlignmentRun(config, progress).Execute(terminal.Stop, terminal.Suspend);
            }
        );
        AlignmentReport.Write(terminal, summary, config.OutputDir);
    }
}
