using System.Diagnostics;
using System.Runtime.InteropServices;
using FlowBP.Tests.Misfits;

namespace FlowBP.Training.Tests;

/// <summary>
/// Tensors that don't fit are an exception that names the thing, in every public call; none ends the process. They are given to the
/// calls in a process of their own (tests/FlowBP.Training.Misfits).
/// </summary>
public class MisfitTests
{
    private const string Program = "FlowBP.Training.Misfits.dll";

    private readonly Dictionary<string, (string Type, string Message)> outcomes = [];
    private string ending = "";

    [OneTimeSetUp]
    public void GiveThemAll()
    {
        var program = Path.Combine(AppContext.BaseDirectory, Program);
        if (!File.Exists(program))
        {
            Assert.Ignore($"no {Program} here: a bundle has none");
        }
        // …/shared/Microsoft.NETCore.App/VERSION/ of the runtime that runs this.
        var dotnet = Path.GetFullPath(
            Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet")
        );
        var start = new ProcessStartInfo(dotnet, [program])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("DOTNET_STARTUP_HOOKS");
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();
        foreach (var line in lines.Select(line => line.Split('\t')).Where(line => line.Length == 3))
        {
            outcomes[line[0]] = (line[1], line[2]);
        }
        ending = $"the process ended with code {process.ExitCode} after '{lines.LastOrDefault("")}': {error.Result}";
    }

    [TestCaseSource(typeof(Misfit), nameof(Misfit.All))]
    public void What_does_not_fit_is_named(Misfit misfit)
    {
        Assert.That(outcomes, Does.ContainKey(misfit.Name), ending);
        var (type, message) = outcomes[misfit.Name];
        if (misfit.Said.Length == 0)
        {
            Assert.That(type, Is.EqualTo("nothing"), message);
            return;
        }
        Assert.That(
            type,
            Is.AnyOf("ArgumentException", "ArgumentNullException", "CheckpointException", "ExternalException"),
            message
        );
        Assert.Multiple(() =>
        {
            foreach (var part in misfit.Said)
            {
                Assert.That(message, Does.Contain(part));
            }
        });
    }
}
