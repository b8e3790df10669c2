// Programs with a runtime of their own. All go into one folder and share the runtime there, which is most of what they weigh.
// That is also why they get no list of their dependencies (.deps.json): without one, a program takes what lies beside it, and
// the bundle may leave out what nobody needs. Only tests have one, because NUnit reads it.

using System.Diagnostics;
using FlowBP.Cli.Failures;
using FlowBP.Cli.Output;

namespace FlowBP.Cli.Bundling;

/// <summary>Publishes what runs on a node.</summary>
internal static class Publication
{
    // The tests that have something to say about a GPU; they are published as programs, as a node has no test runner.
    private static readonly (string Project, string Option)[] Projects =
    [
        ("src/FlowBP.Cli", WithoutDependencyFile),
        ("benchmarks/FlowBP.Benchmarks", WithoutDependencyFile),
        ("tests/FlowBP.Cuda.Tests", AsProgram),
        ("tests/FlowBP.Torch.Tests", AsProgram),
    ];

    private const string WithoutDependencyFile = "-p:GenerateDependencyFile=false";
    private const string AsProgram = "-p:TestsAsPrograms=true";

    /// <summary>Publishes all programs.</summary>
    /// <param name="tree">The sources.</param>
    /// <param name="folder">Receives the programs and their runtime.</param>
    /// <param name="terminal">Receives progress.</param>
    /// <exception cref="FailedException">One can't be published.</exception>
    public static void Run(SourceTree tree, string folder, Terminal terminal)
    {
        foreach (var (project, option) in Projects)
        {
            terminal.Stop.ThrowIfCancellationRequested();
            terminal.Error.WriteLine($"flowbp: publishing {project} …");
            Publish(tree, project, option, folder, terminal.Stop);
        }
    }

    private static void Publish(
        SourceTree tree,
        string project,
        string option,
        string folder,
        CancellationToken cancellation
    )
    {
        string[] arguments =
        [
            "publish",
            tree.Path(project),
            "--configuration",
            "Release",
            "--runtime",
            "linux-x64",
            "--self-contained",
            "--output",
            folder,
            // Apart from the tree's own intermediate files, which are for any runtime.
            "--artifacts-path",
            tree.Path("build", "bundle", "artifacts"),
            "-p:DebugType=none",
            "-maxCpuCount:1",
            "--nologo",
            "--verbosity",
            "quiet",
            option,
        ];
        Process started;
        try
        {
            started = Process.Start(
                new ProcessStartInfo(Sdk(), arguments) { RedirectStandardOutput = true, WorkingDirectory = tree.Root }
            )!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new FailedException("dotnet is not on the PATH; a bundle is published by the .NET SDK 10");
        }
        using var process = started;
        using var stop = cancellation.Register(() => process.Kill(entireProcessTree: true));
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        cancellation.ThrowIfCancellationRequested();
        if (process.ExitCode != 0)
        {
            throw new FailedException($"{project} could not be published: {FirstError(output)}");
        }
    }

    // Through `dotnet flowbp.dll`, this process is the SDK's own host.
    private static string Sdk() =>
        Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet";

    private static string FirstError(string output)
    {
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.FirstOrDefault(line => line.Contains("error", StringComparison.Ordinal))
            ?? lines.LastOrDefault()
            ?? "dotnet publish failed without a word";
    }
}
