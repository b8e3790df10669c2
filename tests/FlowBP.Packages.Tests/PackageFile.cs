using System.IO.Compression;
using System.Xml.Linq;

namespace FlowBP.Packages.Tests;

/// <summary>One package as a file.</summary>
internal sealed class PackageFile : IDisposable
{
    private readonly ZipArchive archive;

    public PackageFile(string id, string extension = "nupkg")
    {
        archive = ZipFile.OpenRead(Path.Combine(PackedSolution.Feed, $"{id}.{PackedSolution.Version}.{extension}"));
        var nuspec = XElement.Load(archive.Entries.Single(entry => entry.Name.EndsWith(".nuspec")).Open());
        Metadata = nuspec.Elements().Single();
    }

    public XElement Metadata { get; }

    /// <summary>Names of the files in it.</summary>
    public IEnumerable<string> Files => archive.Entries.Select(entry => entry.FullName);

    /// <summary>Id and version of what it depends on, in its only group.</summary>
    public IReadOnlyDictionary<string, string> Dependencies =>
        Metadata
            .Descendants(Metadata.Name.Namespace + "dependency")
            .ToDictionary(element => element.Attribute("id")!.Value, element => element.Attribute("version")!.Value);

    public string? Value(string name) => Metadata.Element(Metadata.Name.Namespace + name)?.Value;

    public byte[] Bytes(string file)
    {
        using var stream = archive.GetEntry(file)!.Open();
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    public string Text(string file) => System.Text.Encoding.UTF8.GetString(Bytes(file));

    public void Dispose() => archive.Dispose();
}
