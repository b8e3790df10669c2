// A timing without the machine, the commit and the command says nothing.

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FlowBP.Benchmarks;

internal static class Machine
{
    internal static string Describe() =>
        string.Join(
            Environment.NewLine,
            $"* date: {DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)} UTC",
            $"* commit: {Commit()}",
            $"* command: FlowBP.Benchmarks {string.Join(' ', Environment.GetCommandLineArgs().Skip(1))}",
            $"* processor: {Processor()}, {Environment.ProcessorCount} cores, vectors of {(Vector512.IsHardwareAccelerated ? 512 : 256)} bits",
            $"* load before the run: {LoadAverage()}",
            $"* runtime: {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.OSDescription}",
            $"* libtorch threads: {torch.get_num_threads()}, "
                + $"OMP_WAIT_POLICY={Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") ?? "(not set)"}"
        );

    // A bundle has no repository, and says the commit that it was made from in a variable.
    private static string Commit()
    {
        if (Environment.GetEnvironmentVariable("FLOWBP_COMMIT") is { Length: > 0 } known)
        {
            return known;
        }
        try
        {
            var start = new ProcessStartInfo("git", "describe --always --dirty") { RedirectStandardOutput = true };
            using var git = Process.Start(start);
            return git?.StandardOutput.ReadToEnd().Trim() is { Length: > 0 } commit ? commit : "unknown";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "unknown";
        }
    }

    private static string Processor()
    {
        const string CpuInfo = "/proc/cpuinfo";
        var name = File.Exists(CpuInfo)
            ? File.ReadLines(CpuInfo).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))
            : null;
        return name?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    private static string LoadAverage() =>
        File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";
}
