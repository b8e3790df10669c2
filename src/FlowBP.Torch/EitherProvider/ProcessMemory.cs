// What a process holds in main memory is known with every libtorch. It is more than its tensors: the program, and what the
// allocator keeps for reuse. The kernel's high-water mark can be started anew (proc(5), clear_refs), so that it is that of a step.

using System.Globalization;

namespace FlowBP.Torch;

/// <summary>The resident memory of this process, in bytes.</summary>
public static class ProcessMemory
{
    private const string Status = "/proc/self/status";
    private const string Clear = "/proc/self/clear_refs";
    private const string StartNewPeak = "5";

    /// <summary>What it holds now; null where the system does not say.</summary>
    public static long? CurrentBytes => Read("VmRSS:");

    /// <summary>The most it held since <see cref="ResetPeak"/>, or since it began; null where the system does not say.</summary>
    public static long? PeakBytes => Read("VmHWM:");

    /// <summary>Starts a new high-water mark at <see cref="CurrentBytes"/>.</summary>
    /// <returns>Whether the system let it: some containers don't.</returns>
    public static bool ResetPeak()
    {
        try
        {
            File.WriteAllText(Clear, StartNewPeak);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static long? Read(string name)
    {
        if (!File.Exists(Status))
        {
            return null;
        }
        var line = File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        var kibibytes = line?[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim();
        return long.TryParse(kibibytes, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value << 10
            : null;
    }
}
