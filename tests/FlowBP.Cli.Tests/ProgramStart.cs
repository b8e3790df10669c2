using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FlowBP.Cli.Tests;

/// <summary>The program as a process of its own.</summary>
internal static class ProgramStart
{
    /// <summary>How it is started; its output is redirected. The test is ignored where it does not run from here.</summary>
    /// <param name="arguments">As typed after <c>flowbp</c>.</param>
    public static ProcessStartInfo Of(params IEnumerable<string> arguments)
    {
        var dotnet = Path.GetFullPath(
            Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet")
        );
        var program = typeof(Cli).Assembly.Location;
        if (!File.Exists(Path.ChangeExtension(program, "runtimeconfig.json")))
        {
            Assert.Ignore($"{program} does not run from here");
        }
        var start = new ProcessStartInfo(dotnet, [program, .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        start.Environment.Remove("DOTNET_STARTUP_HOOKS");
        return start;
    }
}
