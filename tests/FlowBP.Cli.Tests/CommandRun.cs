// Runs the program in this process and keeps what it printed.

using FlowBP.Cli.Output;

namespace FlowBP.Cli.Tests;

/// <summary>What one call of the program came to.</summary>
internal sealed record CommandRun(int ExitCode, string Output, string Error)
{
    public string[] OutputLines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static CommandRun Of(params string[] args) => Of(CancellationToken.None, args);

    public static CommandRun Of(CancellationToken stop, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = Cli.Run(args, new Terminal(output, error, stop));
        return new(code, output.ToString(), error.ToString());
    }

    /// <summary>Wrong usage: exit code 2, nothing on stdout, one line on stderr.</summary>
    public string AssertUsageError() => AssertOneLine(2);

    /// <summary>Failure: exit code 1 and one last line on stderr, below what progress there was.</summary>
    public string AssertFailure()
    {
        Assert.That(ExitCode, Is.EqualTo(1), Error);
        var last = Error.TrimEnd('\n').Split('\n')[^1];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(last, Does.StartWith("flowbp: "));
            Assert.That(Error, Does.Not.Contain("   at "), "no stack trace");
        }
        return last;
    }

    private string AssertOneLine(int exitCode)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ExitCode, Is.EqualTo(exitCode), Error);
            Assert.That(Output, Is.Empty);
            Assert.That(Error, Does.StartWith("flowbp: ").And.EndsWith("\n"));
            Assert.That(Error.TrimEnd('\n'), Does.Not.Contain('\n'), "one line");
        }
        return Error.TrimEnd('\n');
    }
}
