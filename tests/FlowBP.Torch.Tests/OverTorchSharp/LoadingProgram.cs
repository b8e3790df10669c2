// The program of tests/FlowBP.Torch.Loading in a folder of its own, with the packages' libraries as links, so that a test can
// take some away or put others in their place.

using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FlowBP.Torch.Tests;

/// <summary>How a process ended and what it said.</summary>
internal sealed record Ending(int Code, string Output, string Error);

internal sealed class LoadingProgram : IDisposable
{
    private const string Name = "FlowBP.Torch.Loading";
    private readonly string folder = Directory.CreateTempSubdirectory("flowbp-loading-").FullName;

    public LoadingProgram()
    {
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory, "*.dll"))
        {
            File.CreateSymbolicLink(Path.Combine(folder, Path.GetFileName(file)), file);
        }
        // These two say where the program lies.
        Replace($"{Name}.dll", File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, $"{Name}.dll")));
        Replace("FlowBP.Torch.dll", File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "FlowBP.Torch.dll")));
        Replace("TorchSharp.dll", File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "TorchSharp.dll")));
        foreach (var list in new[] { $"{Name}.runtimeconfig.json", $"{Name}.deps.json" })
        {
            File.Copy(Path.Combine(AppContext.BaseDirectory, list), Path.Combine(folder, list));
        }
        Directory.CreateDirectory(Natives);
        foreach (
            var library in Directory.EnumerateFiles(Path.GetDirectoryName(PackageFolder.Find(PackageFolder.Libtorch))!)
        )
        {
            File.CreateSymbolicLink(Path.Combine(Natives, Path.GetFileName(library)), library);
        }
    }

    /// <summary>The folder of the packages' libraries.</summary>
    public string Natives => Path.Combine(folder, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");

    /// <summary>A folder that the program knows nothing of.</summary>
    public string Elsewhere => Directory.CreateDirectory(Path.Combine(folder, "elsewhere")).FullName;

    public void Remove(string library) => File.Delete(Path.Combine(Natives, library));

    /// <summary>Puts other bytes in the place of a library.</summary>
    public void ReplaceLibrary(string library, ReadOnlySpan<byte> content) =>
        Replace(Path.Combine(Natives, library), content);

    /// <summary>The bytes of a library, at most so many.</summary>
    public byte[] Bytes(string library, int most = int.MaxValue)
    {
        using var file = File.OpenRead(Path.Combine(Natives, library));
        var bytes = new byte[Math.Min(most, file.Length)];
        file.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Runs the program.</summary>
    /// <param name="libraryPath">LD_LIBRARY_PATH; null: none.</param>
    /// <param name="arguments">Its arguments.</param>
    public Ending Run(string? libraryPath, params string[] arguments)
    {
        // …/shared/Microsoft.NETCore.App/VERSION/ of the runtime that runs this.
        var dotnet = Path.GetFullPath(
            Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet")
        );
        var start = new ProcessStartInfo(dotnet, [Path.Combine(folder, $"{Name}.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LD_LIBRARY_PATH"] = libraryPath;
        // Where TorchSharp copies half a gigabyte from when nothing else helps.
        start.Environment["NUGET_PACKAGES"] = Elsewhere;
        // Where the test runner has its own, a process must not take them for its own.
        start.Environment.Remove("DOTNET_STARTUP_HOOKS");
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return new(process.ExitCode, output.Result, error.Result);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private void Replace(string file, ReadOnlySpan<byte> content)
    {
        var path = Path.Combine(folder, file);
        File.Delete(path);
        File.WriteAllBytes(path, content);
    }
}
