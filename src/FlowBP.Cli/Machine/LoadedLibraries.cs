// Which libtorch and which BLAS are really in use: not what was configured, but what the loader mapped into this process.

namespace FlowBP.Cli.Machine;

/// <summary>Shared libraries of this process, from /proc/self/maps.</summary>
internal sealed class LoadedLibraries
{
    private readonly string[] paths;

    private LoadedLibraries(string[] paths) => this.paths = paths;

    /// <summary>The libraries that are loaded now; none where the system does not list them.</summary>
    public static LoadedLibraries Now()
    {
        const string maps = "/proc/self/maps";
        return new(
            File.Exists(maps)
                ?
                [
                    .. File.ReadLines(maps)
                        .Select(line => line.IndexOf('/') is >= 0 and var at ? line[at..] : "")
                        .Where(path => path.Contains(".so", StringComparison.Ordinal))
                        .Distinct(),
                ]
                : []
        );
    }

    /// <summary>Path of a library whose file name begins with a text, such as <c>libtorch_cpu.so</c>.</summary>
    public string? Find(string start) =>
        paths.FirstOrDefault(path => Path.GetFileName(path).StartsWith(start, StringComparison.Ordinal));

    /// <summary>The BLAS that matrix products go to.</summary>
    public Blas Blas
    {
        get
        {
            foreach (var (start, name) in s_fastLibraries)
            {
                if (Find(start) is { } path)
                {
                    return new(name, path, IsReference: false);
                }
            }
            return Find("libblas.so") is { } plain
                ? new("reference BLAS", plain, IsReference: true)
                : new("built into libtorch", Find("libtorch_cpu.so") ?? "", IsReference: false);
        }
    }

    // A fast one may be installed under the reference's name, libblas.so.3; it then loads its own library as well.
    private static readonly (string Start, string Name)[] s_fastLibraries =
    [
        ("libmkl_core", "MKL"),
        ("libmkl_rt", "MKL"),
        ("libopenblas", "OpenBLAS"),
        ("libblis", "BLIS"),
        ("libarmpl", "Arm Performance Libraries"),
        ("libatlas", "ATLAS"),
    ];
}

/// <summary>An implementation of the basic linear algebra subprograms.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Path">Its file.</param>
/// <param name="IsReference">Whether it is the slow reference implementation.</param>
internal sealed record Blas(string Name, string Path, bool IsReference);
