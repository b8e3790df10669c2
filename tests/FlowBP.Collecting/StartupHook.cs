// A program under constant garbage collection: whatever it leaves to the finaliser is finalised while it is in use, if that can
// happen at all. The runtime finds this class by its name (DOTNET_STARTUP_HOOKS), which has no namespace.

/// <summary>Collects on a thread of its own for as long as the process lives.</summary>
internal static class StartupHook
{
    /// <summary>Called by the runtime before Main.</summary>
    public static void Initialize() =>
        new Thread(Collect) { IsBackground = true, Name = "constant collection" }.Start();

    private static void Collect()
    {
        while (true)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }
}
