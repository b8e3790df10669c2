// libtorch as Debian builds it starts with one thread; the product uses the machine unless the user says otherwise.

using System.Globalization;

namespace FlowBP.Cli.Machine;

/// <summary>How many threads operators use.</summary>
internal static class Threads
{
    private const string Variable = "OMP_NUM_THREADS";

    /// <summary>All cores, or as many as OMP_NUM_THREADS says. Loads the native library, and has freed memory kept.</summary>
    public static void UseAll()
    {
        var given = Environment.GetEnvironmentVariable(Variable);
        var isGiven =
            int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out var threads) && threads > 0;
        TorchLibrary.Load();
        FreedMemory.Keep();
        torch.set_num_threads(isGiven ? threads : Environment.ProcessorCount);
    }
}
