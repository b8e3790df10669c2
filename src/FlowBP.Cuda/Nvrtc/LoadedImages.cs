// The libraries that the loader has mapped into this process, from the one place where Linux lists them.

namespace FlowBP.Cuda;

internal static class LoadedImages
{
    private const string Maps = "/proc/self/maps";

    /// <summary>Paths of the shared libraries of this process; none where the system does not list them.</summary>
    public static IReadOnlyList<string> Now() =>
        File.Exists(Maps)
            ?
            [
                .. File.ReadLines(Maps)
                    .Select(line => line.IndexOf('/', StringComparison.Ordinal) is >= 0 and var at ? line[at..] : "")
                    .Where(path => path.Contains(".so", StringComparison.Ordinal))
                    .Distinct(),
            ]
            : [];
}
