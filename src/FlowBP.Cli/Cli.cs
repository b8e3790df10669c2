// The program as a function: arguments and two writers in, an exit code out. Everything that can go wrong ends here as one
// line for the person at the keyboard; FLOWBP_DEBUG=1 adds the stack trace.
//
// Building the commands costs next to nothing (no tensor, no file), so that `flowbp --help` answers at once; libtorch is
// loaded by the first tensor that a command makes.

using FlowBP.Cli.Commands;
using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;
using FlowBP.Cli.Parsing;

namespace FlowBP.Cli;

/// <summary>The <c>flowbp</c> command line.</summary>
public static class Cli
{
    /// <summary>Runs a command.</summary>
    /// <param name="args">The command and its options, as typed after <c>flowbp</c>.</param>
    /// <param name="output">Receives results: tables, summaries, help.</param>
    /// <param name="error">Receives progress and the one line that says what went wrong.</param>
    /// <returns>
    /// 0 done, 1 failed, 2 wrong usage, 75 suspended by SIGTERM or SIGUSR1, to be gone on with (<c>align</c> and <c>demo</c>), 130
    /// stopped by Ctrl-C or another signal that asks for it.
    /// </returns>
    public static int Run(string[] args, TextWriter output, TextWriter error)
    {
        using var stop = new StopRequest(new ProgressWriter(error), TimeProvider.System);
        stop.Listen();
        return Run(args, new Terminal(output, error, stop.Token, stop.Suspend));
    }

    /// <summary>Runs a command on a given terminal.</summary>
    internal static int Run(string[] args, Terminal terminal)
    {
        try
        {
            var parser = new CommandParser(CommandList.All);
            return parser.Parse(args).Run(terminal);
        }
        catch (Exception e)
        {
            var failure = FailureReport.Of(e);
            terminal.Error.WriteLine($"flowbp: {failure.Line}");
            if (Environment.GetEnvironmentVariable("FLOWBP_DEBUG") is "1")
            {
                terminal.Error.WriteLine(e);
            }
            return failure.ExitCode;
        }
    }
}
