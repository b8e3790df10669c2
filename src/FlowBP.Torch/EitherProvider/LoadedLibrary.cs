// Which libraries a process really uses is not what was configured but what the loader mapped. Both providers ask for
// libtorch's functions here, so that they get those of the libtorch whose tensors they hold, whatever else is on the path.

using System.Runtime.InteropServices;

namespace FlowBP.Torch;

/// <summary>Shared libraries of this process, from /proc/self/maps.</summary>
public static class LoadedLibrary
{
    private const string Maps = "/proc/self/maps";

    /// <summary>Paths of all libraries that are loaded now; none where the system does not list them.</summary>
    public static IReadOnlyList<string> All() =>
        File.Exists(Maps)
            ?
            [
                .. File.ReadLines(Maps)
                    .Select(line => line.IndexOf('/') is >= 0 and var at ? line[at..] : "")
                    .Where(path => path.Contains(".so", StringComparison.Ordinal))
                    .Distinct(),
            ]
            : [];

    /// <summary>Path of a loaded library.</summary>
    /// <param name="start">How its file name begins, such as <c>libtorch_cpu.so</c>; a version may follow.</param>
    /// <returns>The path; null: no such library is loaded.</returns>
    public static string? Find(string start) =>
        All().FirstOrDefault(path => Path.GetFileName(path).StartsWith(start, StringComparison.Ordinal));

    /// <summary>A function of a loaded library.</summary>
    /// <param name="start">As in <see cref="Find"/>.</param>
    /// <param name="name">The function's name.</param>
    /// <returns>Its address; 0: the library is not loaded, or has no such function.</returns>
    internal static nint Function(string start, string name) =>
        Find(start) is { } path
        && NativeLibrary.TryLoad(path, out var library)
        && NativeLibrary.TryGetExport(library, name, out var function)
            ? function
            : 0;
}
