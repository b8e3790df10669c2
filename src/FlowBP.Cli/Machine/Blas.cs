// Which BLAS is really in use: not what was configured, but what the loader mapped into this process.

namespace FlowBP.Cli.Machine;

/// <summary>An implementation of the basic linear algebra subprograms.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Path">Its file.</param>
/// <param name="IsReference">Whether it is the slow reference implementation.</param>
internal sealed record Blas(string Name, string Path, bool IsReference)
{
    /// <summary>The one that matrix products go to.</summary>
    public static Blas Loaded()
    {
        foreach (var (start, name) in s_fastLibraries)
        {
            if (LoadedLibrary.Find(start) is { } path)
            {
                return new(name, path, IsReference: false);
            }
        }
        return LoadedLibrary.Find("libblas.so") is { } plain
            ? new("reference BLAS", plain, IsReference: true)
            : new("built into libtorch", LoadedLibrary.Find("libtorch_cpu.so") ?? "", IsReference: false);
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
