namespace FlowBP.Training.Tests;

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("flowbp-training-");

    public string Root => folder.FullName;

    public string Of(string name) => Path.Combine(Root, name);

    /// <summary>Writes a file, and the folders that it needs.</summary>
    public string Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Of(name))!);
        File.WriteAllText(Of(name), text);
        return Of(name);
    }

    public void Dispose() => folder.Delete(recursive: true);
}
