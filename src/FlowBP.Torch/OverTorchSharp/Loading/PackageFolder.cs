// Where the libraries of TorchSharp's packages lie: beside the program as `dotnet build` leaves them, or flat as a publish for
// one system does, or still in NuGet's cache as scripts and notebooks use them.

using System.Runtime.InteropServices;

namespace FlowBP.Torch;

/// <summary>The libraries of the TorchSharp package and of its libtorch.</summary>
internal static class PackageFolder
{
    /// <summary>The file that TorchSharp calls.</summary>
    public const string Binding = "libLibTorchSharp.so";

    /// <summary>libtorch's operators on the CPU.</summary>
    public const string Libtorch = "libtorch_cpu.so";

    /// <summary>What to do about a file that is missing or damaged.</summary>
    public const string Restore =
        "where a package is half restored, remove its folder in NuGet's cache and build again";

    private static readonly string s_runtimes = Path.Combine(
        "runtimes",
        RuntimeInformation.RuntimeIdentifier,
        "native"
    );

    /// <summary>A file of the packages.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Its path; null: it is in none of the places.</returns>
    public static string? Find(string name) =>
        Places().Select(place => Path.Combine(place, name)).FirstOrDefault(File.Exists);

    /// <summary>Why the packages are not complete, in one line with what to do; null: they are.</summary>
    public static string? Obstacle()
    {
        string[] missing =
        [
            .. new[] { Binding, Libtorch, "libc10.so", "libtorch.so" }.Where(name => Find(name) is null),
        ];
        return missing.Length == 0
            ? null
            : $"{string.Join(", ", missing)} {(missing.Length == 1 ? "is" : "are")} not beside the program: a package is not"
                + " referenced (libtorch-cpu-linux-x64 2.10.0, TorchSharp-cpu or TorchSharp-cuda-linux) or half restored;"
                + $" {Restore}";
    }

    private static IEnumerable<string> Places()
    {
        var torchSharp = Path.GetDirectoryName(typeof(torch).Assembly.Location);
        string[] folders =
            torchSharp is { Length: > 0 } && torchSharp != AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)
                ? [AppContext.BaseDirectory, torchSharp]
                : [AppContext.BaseDirectory];
        foreach (var folder in folders)
        {
            yield return Path.Combine(folder, s_runtimes);
            yield return folder;
        }
        if (torchSharp is { Length: > 0 })
        {
            // …/torchsharp/VERSION/lib/net8.0, and beside it …/libtorch-cpu-linux-x64/VERSION.
            yield return Path.GetFullPath(Path.Combine(torchSharp, "..", "..", s_runtimes));
            var packages = Path.GetFullPath(Path.Combine(torchSharp, "..", "..", "..", ".."));
            foreach (
                var package in Directory.Exists(packages) ? Directory.EnumerateDirectories(packages, "libtorch-c*") : []
            )
            {
                foreach (var version in Directory.EnumerateDirectories(package, $"{TorchLibrary.Wanted.ToString(2)}*"))
                {
                    yield return Path.Combine(version, s_runtimes);
                }
            }
        }
    }
}
