namespace FlowBP.Cuda.Tests;

/// <summary>A folder of its own for a test, deleted with it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("flowbp-cuda-").FullName;

    public string Path(string name) => System.IO.Path.Combine(Root, name);

    /// <summary>Makes an empty file with the folders above it.</summary>
    public string File(string name)
    {
        var path = Path(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(path, "");
        return path;
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
