// A bundle is made of the source tree that the program was built in: of its sources, and of programs published from them.

using System.Diagnostics;
using FlowBP.Cli.Failures;

namespace FlowBP.Cli.Bundling;

/// <summary>A folder that holds the project's sources.</summary>
/// <param name="Root">The folder of FlowBP.sln.</param>
internal sealed record SourceTree(string Root)
{
    /// <summary>The tree that this program was built in.</summary>
    /// <exception cref="FailedException">The program lies in none.</exception>
    public static SourceTree OfThisProgram()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(at.FullName, "FlowBP.sln")))
            {
                return new(at.FullName);
            }
        }
        throw new FailedException(
            $"a bundle is made from the sources, and {AppContext.BaseDirectory} is in no source tree; run ./flowbp bundle there"
        );
    }

    /// <summary>A path in the tree.</summary>
    public string Path(params string[] parts) => System.IO.Path.Combine([Root, .. parts]);

    /// <summary>The commit, marked where files differ from it; "unknown" where git does not tell.</summary>
    public string Commit()
    {
        try
        {
            using var git = Process.Start(
                new ProcessStartInfo("git", ["-C", Root, "describe", "--always", "--dirty", "--abbrev=12"])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                }
            )!;
            var commit = git.StandardOutput.ReadToEnd().Trim();
            git.WaitForExit();
            return git.ExitCode == 0 && commit.Length > 0 ? commit : "unknown";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "unknown";
        }
    }
}
