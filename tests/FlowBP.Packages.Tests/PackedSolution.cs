// The packages, made once for all tests by the documented command from what is built, in a folder outside the repository. Their
// version is one that no folder of packages on this machine can have, so that none but these are found.

namespace FlowBP.Packages.Tests;

[SetUpFixture]
public sealed class PackedSolution
{
#if DEBUG
    private const string Configuration = "Debug";
#else
    private const string Configuration = "Release";
#endif

    /// <summary>The packages, each with a page whose snippet runs.</summary>
    public static IReadOnlyList<string> Ids { get; } =
    [
        "FlowBP.Cuda",
        "FlowBP.Distributed",
        "FlowBP.Families",
        "FlowBP.Formats",
        "FlowBP.Kernels",
        "FlowBP.Models",
        "FlowBP.Pictures",
        "FlowBP.RandomStreams",
        "FlowBP.Settings",
        "FlowBP.Shapes",
        "FlowBP.Surrogates",
        "FlowBP.Torch",
        "FlowBP.Training",
        "FlowBP.Verification",
    ];

    /// <summary>The folder of everything that the tests write.</summary>
    public static string Scratch { get; private set; } = "";

    /// <summary>The root of the repository.</summary>
    public static string Root { get; private set; } = "";

    /// <summary>The folder of the packages.</summary>
    public static string Feed => Path.Combine(Scratch, "feed");

    /// <summary>Version of the packages.</summary>
    public static string Version { get; } = $"0.1.0-test.{DateTime.UtcNow.Ticks}.{Environment.ProcessId}";

    [OneTimeSetUp]
    public void PackOnce()
    {
#if !TORCHSHARP
        Assert.Ignore("packages are made with the TorchSharp package as provider");
#endif
        if (!DotnetCommand.HasSdk || RootOfSources() is not { } root)
        {
            Assert.Ignore("packing takes the .NET SDK and the sources");
            return;
        }
        Root = root;
        Scratch = Directory.CreateTempSubdirectory("flowbp-packages-").FullName;
        Pack("FlowBP.sln", Feed);
    }

    /// <summary>Packs what is built.</summary>
    /// <param name="what">The solution or one project, from the root.</param>
    /// <param name="output">Folder of the packages.</param>
    internal static void Pack(string what, string output) =>
        DotnetCommand
            .Run(
                Root,
                "pack",
                what,
                "--configuration",
                Configuration,
                "--no-build",
                "--output",
                output,
                "-nodeReuse:false",
                $"-p:PackageVersion={Version}",
                // Nothing is written to the sources, which may be somebody else's.
                $"-p:NuspecOutputPath={Path.Combine(Scratch, "nuspec")}/"
            )
            .Succeeded($"dotnet pack {what}");

    [OneTimeTearDown]
    public void Remove()
    {
        if (Scratch.Length > 0)
        {
            Directory.Delete(Scratch, recursive: true);
        }
    }

    private static string? RootOfSources()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "FlowBP.sln")))
            {
                return at.FullName;
            }
        }
        return null;
    }
}
