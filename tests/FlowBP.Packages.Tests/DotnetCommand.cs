// The tests do what a person types: each command is a process, and how it ended is in its text.

using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FlowBP.Packages.Tests;

/// <summary>How a command ended and what it printed.</summary>
internal sealed record CommandResult(int Code, string Output)
{
    /// <summary>What was printed; the test fails where the command did.</summary>
    public string Succeeded(string what)
    {
        Assert.That(Code, Is.Zero, $"{what} failed:\n{Output}");
        return Output;
    }
}

internal static class DotnetCommand
{
    // …/shared/Microsoft.NETCore.App/VERSION/ of the runtime that runs this.
    private static readonly string s_root = Path.GetFullPath(
        Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..")
    );

    /// <summary>Whether there is an SDK, not only a runtime.</summary>
    public static bool HasSdk => Directory.Exists(Path.Combine(s_root, "sdk"));

    /// <summary>Runs `dotnet`.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="arguments">Its arguments.</param>
    public static CommandResult Run(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(s_root, "dotnet"), arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // What the test runner and the build that started it have set is not what a person has.
        foreach (var name in start.Environment.Keys.Where(IsOfTheBuild).ToList())
        {
            start.Environment.Remove(name);
        }
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return new(process.ExitCode, output.Result + error.Result);
    }

    private static bool IsOfTheBuild(string name) =>
        name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("TESTINGPLATFORM", StringComparison.OrdinalIgnoreCase)
        || name is "TorchProvider" or "TorchSharpAssembly" or "DOTNET_STARTUP_HOOKS" or "Configuration";
}
