// The libtorch that was loaded, and its version: releases before 2.2 have no function for it, so theirs is read where CMake
// reads it, beside the library.

using System.Text.RegularExpressions;

namespace FlowBP.Cli.Machine;

/// <summary>The libtorch of this process.</summary>
/// <param name="Path">File of its CPU library.</param>
/// <param name="Version">As in <c>1.13.1</c>; null where no file says.</param>
internal sealed partial record Libtorch(string Path, string? Version)
{
    /// <summary>What is loaded; null before the first tensor, or where the system does not list libraries.</summary>
    public static Libtorch? Loaded() =>
        LoadedLibrary.Find("libtorch_cpu.so") is { } path
            ? new(path, TorchLibrary.Release?.ToString(3) ?? VersionBeside(path))
            : null;

    private static string? VersionBeside(string library)
    {
        var folder = System.IO.Path.GetDirectoryName(library)!;
        string[] places =
        [
            System.IO.Path.Combine(folder, "cmake", "Torch"),
            System.IO.Path.Combine(folder, "..", "share", "cmake", "Torch"),
        ];
        return places
            .Select(place => System.IO.Path.Combine(place, "TorchConfigVersion.cmake"))
            .Where(File.Exists)
            .Select(file => PackageVersion().Match(File.ReadAllText(file)))
            .Where(match => match.Success)
            .Select(match => match.Groups[1].Value)
            .FirstOrDefault();
    }

    [GeneratedRegex("""PACKAGE_VERSION\s+"([^"]+)"\s*\)""")]
    private static partial Regex PackageVersion();
}
