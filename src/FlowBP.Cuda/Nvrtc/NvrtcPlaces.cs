// Where NVRTC may be, in the order in which it is looked for. Nothing is loaded here, so the order can be tested with folders
// made for the purpose.
//
//   1. FLOWBP_NVRTC, a file or a folder. Where it is set, nothing else is tried: it is a wish, not a hint.
//   2. the image that this process has loaded already: a second NVRTC beside it would share nothing and confuse both.
//   3. the system's library path.
//   4. a CUDA toolkit: CUDA_HOME, CUDA_PATH, /usr/local/cuda.
//   5. the folder of the libtorch that is loaded: its archives bring an NVRTC of their own.
//   6. the `nvidia` packages of a Python installation: beside the libtorch that is loaded, in an active environment, of the
//      python3 on the path, of the user.

using System.Text.RegularExpressions;

namespace FlowBP.Cuda;

/// <summary>A place to load NVRTC from.</summary>
/// <param name="Origin">Why it is looked for there, for messages.</param>
/// <param name="Path">A file, or a bare name that the system's loader looks for.</param>
/// <param name="IsFound">Whether there is anything: false for a folder that has no NVRTC, which is listed for the message.</param>
internal sealed record NvrtcPlace(string Origin, string Path, bool IsFound = true);

/// <summary>Lists the places for one environment.</summary>
/// <param name="variable">Reads an environment variable.</param>
/// <param name="loadedImages">Paths of the libraries that the process has loaded.</param>
internal sealed partial class NvrtcPlaces(Func<string, string?> variable, IReadOnlyList<string> loadedImages)
{
    public const string Variable = "FLOWBP_NVRTC";

    /// <summary>Names under which the system's loader may know it, newest first.</summary>
    public static readonly string[] SystemNames =
    [
        "libnvrtc.so.13",
        "libnvrtc.so.12",
        "libnvrtc.so.11.2",
        "libnvrtc.so",
    ];

    // From the root of the packages: the newest release's layout first.
    private static readonly string[] s_packageFolders = ["nvidia/cu13/lib", "nvidia/cuda_nvrtc/lib"];

    /// <summary>The places of this process.</summary>
    public static NvrtcPlaces OfThisProcess() => new(Environment.GetEnvironmentVariable, LoadedImages.Now());

    /// <summary>All places, in order.</summary>
    public IEnumerable<NvrtcPlace> InOrder()
    {
        if (variable(Variable) is { Length: > 0 } wish)
        {
            return File.Exists(wish) ? [new(Variable, Path.GetFullPath(wish))] : InFolder(Variable, wish);
        }
        return Unasked().DistinctBy(place => place.Path);
    }

    private IEnumerable<NvrtcPlace> Unasked()
    {
        foreach (var image in loadedImages.Where(image => LibraryName().IsMatch(Path.GetFileName(image))))
        {
            yield return new("loaded by this process", image);
        }
        foreach (var name in SystemNames)
        {
            yield return new("the system's library path", name);
        }
        foreach (var toolkit in Toolkits())
        {
            foreach (var place in InFolder("CUDA toolkit", toolkit))
            {
                yield return place;
            }
        }
        foreach (var folder in FoldersOfLibtorch())
        {
            foreach (var place in InFolder("libtorch", folder).Where(place => place.IsFound))
            {
                yield return place;
            }
        }
        foreach (var packages in PackageRoots())
        {
            foreach (var folder in s_packageFolders)
            {
                foreach (var place in InFolder("Python packages", Path.Combine(packages, folder)))
                {
                    yield return place;
                }
            }
        }
    }

    private IEnumerable<string> Toolkits() =>
        new[] { variable("CUDA_HOME"), variable("CUDA_PATH"), "/usr/local/cuda" }
            .Where(toolkit => !string.IsNullOrEmpty(toolkit))
            .Select(toolkit => Path.Combine(toolkit!, "lib64"));

    private IEnumerable<string> FoldersOfLibtorch() =>
        loadedImages
            .Where(image => Path.GetFileName(image).StartsWith("libtorch_cpu.so", StringComparison.Ordinal))
            .Select(image => Path.GetDirectoryName(image)!);

    // Folders that Python installs packages in.
    private IEnumerable<string> PackageRoots() =>
        FoldersOfLibtorch()
            // …/site-packages/torch/lib
            .Select(folder => Path.GetFullPath(Path.Combine(folder, "..", "..")))
            .Where(folder => Path.GetFileName(folder) is "site-packages" or "dist-packages")
            .Concat(PackagesOf(variable("VIRTUAL_ENV")))
            .Concat(PackagesOf(variable("CONDA_PREFIX")))
            .Concat(PackagesOf(PrefixOfPython()))
            .Concat(PackagesOf("/usr/local"))
            .Concat(PackagesOf(variable("HOME") is { Length: > 0 } home ? Path.Combine(home, ".local") : null));

    private static IEnumerable<string> PackagesOf(string? prefix)
    {
        if (string.IsNullOrEmpty(prefix))
        {
            return [];
        }
        var library = Path.Combine(prefix, "lib");
        return Subfolders(library, "python3*")
            .OrderByDescending(folder => VersionIn(Path.GetFileName(folder)))
            .SelectMany(folder =>
                new[] { Path.Combine(folder, "site-packages"), Path.Combine(folder, "dist-packages") }
            )
            .Where(Directory.Exists);
    }

    // The folder above the bin/ of the python3 that would run.
    private string? PrefixOfPython()
    {
        var python = (variable("PATH") ?? "")
            .Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, "python3"))
            .FirstOrDefault(File.Exists);
        if (python is null)
        {
            return null;
        }
        var target = new FileInfo(python).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? python;
        return Path.GetDirectoryName(Path.GetDirectoryName(target));
    }

    private static IEnumerable<NvrtcPlace> InFolder(string origin, string folder)
    {
        var found = Files(folder)
            .Where(file => LibraryName().IsMatch(Path.GetFileName(file)))
            // libnvrtc.so.13 before libnvrtc.so.12, and any version before the link without one.
            .OrderByDescending(file => VersionIn(Path.GetFileName(file)))
            .Select(file => new NvrtcPlace(origin, Path.GetFullPath(file)))
            .ToList();
        return found.Count > 0 ? found : [new(origin, folder, IsFound: false)];
    }

    private static string[] Files(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetFiles(folder, "libnvrtc*") : [];
        }
        catch (UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string[] Subfolders(string folder, string pattern)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetDirectories(folder, pattern) : [];
        }
        catch (UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static Version VersionIn(string fileName) =>
        VersionNumber().Match(fileName) is { Success: true } match
        && Version.TryParse(
            match.Value.Contains('.', StringComparison.Ordinal) ? match.Value : $"{match.Value}.0",
            out var version
        )
            ? version
            : new Version(0, 0);

    // Also as archives of libtorch rename it (libnvrtc-672ee683.so.11.2), but not its builtins.
    [GeneratedRegex(@"^libnvrtc(-[0-9a-f]+)?\.so(\.[0-9]+)*$")]
    private static partial Regex LibraryName();

    [GeneratedRegex(@"(?<=^python|\.so\.)[0-9]+(\.[0-9]+)*$")]
    private static partial Regex VersionNumber();
}
