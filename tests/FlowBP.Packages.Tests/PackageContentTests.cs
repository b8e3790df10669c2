using System.Reflection.Metadata;
using System.Xml.Linq;

namespace FlowBP.Packages.Tests;

/// <summary>What is in the packages, and what they ask for.</summary>
public class PackageContentTests
{
    private static readonly IReadOnlyList<string> s_ids = PackedSolution.Ids;

    private static readonly string[] s_withoutTensors =
    [
        "FlowBP.Cuda",
        "FlowBP.Distributed",
        "FlowBP.Kernels",
        "FlowBP.Pictures",
        "FlowBP.RandomStreams",
        "FlowBP.Settings",
        "FlowBP.Shapes",
    ];

    [Test]
    public void The_libraries_are_packages_and_nothing_else_is()
    {
        Assert.That(
            Directory.EnumerateFiles(PackedSolution.Feed).Select(Path.GetFileName),
            Is.EquivalentTo(
                s_ids.SelectMany(id =>
                    new[] { $"{id}.{PackedSolution.Version}.nupkg", $"{id}.{PackedSolution.Version}.snupkg" }
                )
            )
        );
    }

    [TestCaseSource(nameof(s_ids))]
    public void A_package_says_what_it_is(string id)
    {
        using var package = new PackageFile(id);
        Assert.Multiple(() =>
        {
            Assert.That(package.Value("id"), Is.EqualTo(id));
            Assert.That(package.Value("license"), Is.EqualTo("MIT"));
            Assert.That(package.Value("readme"), Is.EqualTo("README.md"));
            Assert.That(package.Value("tags"), Does.Contain("flow-matching"));
            Assert.That(package.Value("description"), Has.Length.GreaterThan(60));
            Assert.That(package.Text("README.md"), Does.StartWith($"# {id}\n").And.Contain("```csharp\n"));
        });
    }

    [TestCaseSource(nameof(s_ids))]
    public void A_package_has_the_library_its_documentation_and_symbols_with_sources(string id)
    {
        using var package = new PackageFile(id);
        using var symbols = new PackageFile(id, "snupkg");
        Assert.That(package.Files, Does.Contain($"lib/net10.0/{id}.dll"));
        Assert.That(package.Files.Where(file => file.EndsWith(".pdb") || file.EndsWith(".so")), Is.Empty);
        var documentation = XElement.Parse(package.Text($"lib/net10.0/{id}.xml"));
        Assert.That(documentation.Descendants("summary").Count(), Is.GreaterThan(10));

        using var portable = MetadataReaderProvider.FromPortablePdbStream(
            new MemoryStream(symbols.Bytes($"lib/net10.0/{id}.pdb"))
        );
        var reader = portable.GetMetadataReader();
        var names = reader.Documents.Select(handle => reader.GetString(reader.GetDocument(handle).Name)).ToList();
        // Every document carries its source; names do not depend on where the sources lay.
        Assert.That(reader.CustomDebugInformation, Has.Count.GreaterThanOrEqualTo(names.Count));
#if !DEBUG
        Assert.That(names.Where(name => !name.StartsWith("/_/")), Is.Empty);
#endif
    }

#if !DEBUG
    [TestCaseSource(nameof(s_ids))]
    public void A_library_does_not_depend_on_where_it_was_built(string id)
    {
        using var package = new PackageFile(id);
        var text = System.Text.Encoding.Latin1.GetString(package.Bytes($"lib/net10.0/{id}.dll"));
        Assert.That(text.Contains(PackedSolution.Root, StringComparison.Ordinal), Is.False);
    }
#endif

    [TestCase("nupkg")]
    [TestCase("snupkg")]
    public void Packing_again_gives_the_same_bytes(string extension)
    {
        const string Id = "FlowBP.Kernels";
        var again = Path.Combine(PackedSolution.Scratch, $"again-{extension}");
        PackedSolution.Pack(Path.Combine("src", Id), again);
        var file = $"{Id}.{PackedSolution.Version}.{extension}";
        Assert.That(
            File.ReadAllBytes(Path.Combine(again, file)),
            Is.EqualTo(File.ReadAllBytes(Path.Combine(PackedSolution.Feed, file)))
        );
    }

    [TestCaseSource(nameof(s_ids))]
    public void A_package_depends_on_packages_of_this_version_and_on_no_libtorch(string id)
    {
        using var package = new PackageFile(id);
        Assert.Multiple(() =>
        {
            foreach (var (name, version) in package.Dependencies.Where(item => item.Key.StartsWith("FlowBP.")))
            {
                Assert.That(s_ids, Does.Contain(name));
                Assert.That(version, Is.EqualTo(PackedSolution.Version), name);
            }
            Assert.That(
                package.Dependencies.Keys.Where(name =>
                    name.StartsWith("libtorch", StringComparison.OrdinalIgnoreCase) || name.StartsWith("TorchSharp-")
                ),
                Is.Empty
            );
        });
        if (s_withoutTensors.Contains(id))
        {
            Assert.That(package.Dependencies.Keys, Has.None.EqualTo("TorchSharp").And.None.EqualTo("FlowBP.Torch"));
        }
        else
        {
            Assert.That(package.Dependencies["TorchSharp"], Is.EqualTo("[0.107.0, 0.108.0)"));
        }
    }

    [Test]
    public void Pictures_bring_their_native_libraries_and_the_font_of_their_labels()
    {
        using var package = new PackageFile("FlowBP.Pictures");
        Assert.That(
            package.Dependencies.Keys,
            Is.SupersetOf(
                new[]
                {
                    "HarfBuzzSharp",
                    "HarfBuzzSharp.NativeAssets.Linux",
                    "SkiaSharp",
                    "SkiaSharp.NativeAssets.Linux.NoDependencies",
                }
            )
        );
        Assert.That(package.Dependencies.Keys.Where(name => name.StartsWith("Avalonia")), Is.Empty);
        using var assembly = new System.Reflection.PortableExecutable.PEReader(
            new MemoryStream(package.Bytes("lib/net10.0/FlowBP.Pictures.dll"))
        );
        var reader = assembly.GetMetadataReader();
        Assert.That(
            reader.ManifestResources.Select(handle => reader.GetString(reader.GetManifestResource(handle).Name)),
            Is.SupersetOf(new[] { "FlowBP.Pictures.Inter-Regular.ttf", "FlowBP.Pictures.Inter-SemiBold.ttf" })
        );
    }

    [Test]
    public void What_loads_TorchSharp_s_library_reaches_projects_that_reference_it_indirectly()
    {
        using var package = new PackageFile("FlowBP.Torch");
        Assert.That(
            package.Files.Where(file => file.StartsWith("build")),
            Is.EquivalentTo(new[] { "buildTransitive/FlowBP.Torch.targets", "buildTransitive/TorchStartup.cs" })
        );
        foreach (var id in s_ids.Except(s_withoutTensors).Except(["FlowBP.Torch"]))
        {
            using var other = new PackageFile(id);
            var dependency = other
                .Metadata.Descendants(other.Metadata.Name.Namespace + "dependency")
                .Single(element => element.Attribute("id")!.Value == "FlowBP.Torch");
            Assert.That(
                dependency.Attribute("exclude")?.Value.Split(','),
                Has.None.EqualTo("BuildTransitive").IgnoreCase,
                id
            );
        }
    }
}
