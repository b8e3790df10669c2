// A project outside the repository that restores the packages from a folder. Its own packages go to a folder of their own; what
// this machine has of others (half a gigabyte of libtorch) is read from where it lies, and linked into the program's folder.

namespace FlowBP.Packages.Tests;

internal sealed class Consumer
{
    private readonly string folder;
    private readonly string name;

    public Consumer(string name)
    {
        this.name = name;
        var consumers = Directory.CreateDirectory(Path.Combine(PackedSolution.Scratch, "consumers")).FullName;
        folder = Directory.CreateDirectory(Path.Combine(consumers, name)).FullName;
        File.WriteAllText(
            Path.Combine(consumers, "nuget.config"),
            $"""
            <configuration>
              <packageSources>
                <add key="packed" value="{PackedSolution.Feed}" />
              </packageSources>
            </configuration>
            """
        );
        File.WriteAllText(
            Path.Combine(consumers, "Directory.Build.props"),
            $"""
            <Project>
              <PropertyGroup>
                <FlowBPVersion>{PackedSolution.Version}</FlowBPVersion>
                <RestorePackagesPath>{Path.Combine(consumers, "packages")}</RestorePackagesPath>
                <RestoreFallbackFolders>{PackagesOfThisMachine()}</RestoreFallbackFolders>
                <NuGetAudit>false</NuGetAudit>
                <UseAppHost>false</UseAppHost>
                <CreateSymbolicLinksForCopyLocalIfPossible>true</CreateSymbolicLinksForCopyLocalIfPossible>
              </PropertyGroup>
            </Project>
            """
        );
        var sources = Path.Combine(PackedSolution.Root, "tests", "FlowBP.Packages.Tests", "Consumers", name);
        foreach (var file in Directory.EnumerateFiles(sources))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }
    }

    /// <summary>Adds a source file.</summary>
    public void Add(string file, string text) => File.WriteAllText(Path.Combine(folder, file), text);

    /// <summary>A path in the project's folder.</summary>
    public string PathOf(string file) => Path.Combine(folder, file);

    /// <summary>Restores and builds.</summary>
    public void Build() =>
        DotnetCommand
            .Run(folder, "build", "--output", "out", "-nodeReuse:false", "-p:UseSharedCompilation=false", "-v:quiet")
            .Succeeded($"dotnet build {name}");

    /// <summary>Items of the project as they are after a target.</summary>
    public string Items(string item, string target, params string[] properties) =>
        DotnetCommand
            .Run(folder, ["msbuild", "-nodeReuse:false", $"-target:{target}", $"-getItem:{item}", .. properties])
            .Succeeded($"dotnet msbuild {name}");

    /// <summary>Runs what was built.</summary>
    public string Run(params string[] arguments) =>
        DotnetCommand.Run(folder, [Path.Combine("out", $"{name}.dll"), .. arguments]).Succeeded(name);

    // `global-packages: PATH`, among whatever else the tool has to say about this machine.
    private static string PackagesOfThisMachine()
    {
        const string label = "global-packages: ";
        return DotnetCommand
            .Run(PackedSolution.Scratch, "nuget", "locals", "global-packages", "--list")
            .Succeeded("dotnet nuget locals")
            .Split('\n')
            .Single(line => line.StartsWith(label, StringComparison.Ordinal))[label.Length..]
            .Trim();
    }
}
