namespace FlowBP.Cli.Machine;

/// <summary>GPUs of this machine, as their driver lists them.</summary>
internal static class Gpus
{
    private const string Folder = "/proc/driver/nvidia/gpus";

    /// <summary>Model names; empty where there is no driver or no GPU.</summary>
    public static IReadOnlyList<string> Names() =>
        Directory.Exists(Folder)
            ?
            [
                .. Directory
                    .EnumerateDirectories(Folder)
                    .Select(gpu => Path.Combine(gpu, "information"))
                    .Where(File.Exists)
                    .Select(file =>
                        File.ReadLines(file)
                            .Where(line => line.StartsWith("Model:", StringComparison.Ordinal))
                            .Select(line => line["Model:".Length..].Trim())
                            .FirstOrDefault("unnamed GPU")
                    ),
            ]
            : [];
}
