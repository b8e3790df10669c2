// Compiles the text of kernels/*.cu for this machine's CPU, once per content: the results are kept in obj/, named after a hash of
// everything that goes into them. Each .cu file gets a namespace of its own, as each is a program of its own for NVRTC.

using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace FlowBP.Kernels.Cuda.Tests;

/// <summary>Which mistakes a build of the emulation looks for.</summary>
public enum Sanitizer
{
    /// <summary>A library for this process: wrong numbers, divergent barriers, poisoned shared memory.</summary>
    None,

    /// <summary>A program: accesses out of bounds or misaligned, undefined behaviour.</summary>
    Address,

    /// <summary>A program: accesses that nothing orders.</summary>
    Thread,
}

internal static partial class EmulationBuild
{
    private static readonly Dictionary<Sanitizer, string> Built = [];

    /// <summary>
    /// The path of the library (<see cref="Sanitizer.None"/>) or program. Ignores the test, visibly, where it can't be built.
    /// </summary>
    public static string Require(Sanitizer sanitizer)
    {
        lock (Built)
        {
            if (!Built.TryGetValue(sanitizer, out var path))
            {
                Built[sanitizer] = path = Build(sanitizer);
            }
            return path;
        }
    }

    /// <summary>The folder of FlowBP.sln.</summary>
    public static string Repository
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "FlowBP.sln")))
            {
                folder = folder.Parent;
            }
            if (folder is null)
            {
                Assert.Ignore($"the kernels' sources are not above {AppContext.BaseDirectory}");
            }
            return folder!.FullName;
        }
    }

    /// <summary>The files of kernels/, or of the planted mistakes, and the names of the kernels in them.</summary>
    public static Dictionary<string, string[]> KernelsIn(string folder) =>
        Directory
            .GetFiles(Path.Combine(Repository, folder), "*.cu")
            .Order(StringComparer.Ordinal)
            .ToDictionary(
                file => file,
                file => EntryPoint().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value).ToArray()
            );

    private static string Build(Sanitizer sanitizer)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            Assert.Ignore("the emulation of the CUDA kernels runs on x86-64 Linux");
        }
        var compiler = Run("g++", ["--version"], Repository);
        if (compiler.ExitCode != 0)
        {
            Assert.Ignore("g++ is missing, which the emulation of the CUDA kernels is built with: apt-get install g++");
        }
        var unit = TranslationUnit();
        var flags = Flags(sanitizer);
        var hash = Hash(unit, compiler.Output, flags);
        var folder = Path.Combine(Repository, "tests", "FlowBP.Kernels.Cuda.Tests", "obj", "emulation");
        var name = sanitizer == Sanitizer.None ? "libemulation.so" : $"play-{sanitizer}".ToLowerInvariant();
        var result = Path.Combine(folder, hash, name);
        if (File.Exists(result))
        {
            return result;
        }
        var temporary = Path.Combine(folder, $"{hash}.{Environment.ProcessId}");
        Directory.CreateDirectory(temporary);
        try
        {
            File.WriteAllText(Path.Combine(temporary, "kernels.cpp"), unit);
            Compile(sanitizer, flags, temporary, name);
            Directory.CreateDirectory(Path.Combine(folder, hash));
            File.Move(Path.Combine(temporary, name), result, overwrite: true);
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
        return result;
    }

    private static string TranslationUnit()
    {
        var text = new StringBuilder("#include \"tests/emulation/emulation.h\"\n");
        foreach (var header in Directory.GetFiles(Path.Combine(Repository, "kernels"), "*.cuh").Order())
        {
            text.Append($"#include \"kernels/{Path.GetFileName(header)}\"\n");
        }
        foreach (var folder in new[] { "kernels", "tests/planted" })
        {
            foreach (var (file, kernels) in KernelsIn(folder))
            {
                text.Append($"namespace file_{Path.GetFileNameWithoutExtension(file)} {{\n");
                text.Append($"#include \"{folder}/{Path.GetFileName(file)}\"\n");
                text.AppendJoin('\n', kernels.Select(kernel => $"EMULATED_KERNEL({kernel})"));
                text.Append("\n}\n");
            }
        }
        return text.ToString();
    }

    private static string[] Flags(Sanitizer sanitizer)
    {
        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("flags")) ?? "";
        return
        [
            "-std=c++17",
            "-g",
            "-fPIC",
            // What isn't written as a fused operation is not to become one.
            "-ffp-contract=off",
            // Words of memory are read as what they hold, as on a GPU.
            "-fno-strict-aliasing",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-unknown-pragmas",
            "-Ikernels",
            "-I.",
            .. processor.Split(' ').Contains("fma") ? ["-mfma"] : Array.Empty<string>(),
            .. sanitizer switch
            {
                Sanitizer.Address => ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
                Sanitizer.Thread => ["-O1", "-fsanitize=thread"],
                _ => new[] { "-O2" },
            },
        ];
    }

    private static void Compile(Sanitizer sanitizer, string[] flags, string temporary, string name)
    {
        // The machine itself is built without instrumentation: the sanitizers are to see the kernels' accesses, not its own.
        var plain = flags.Where(flag => !flag.StartsWith("-fsanitize") && flag != "-fno-sanitize-recover=all");
        string[] machine =
        [
            .. plain,
            .. sanitizer switch
            {
                Sanitizer.Address => ["-DEMULATION_ASAN"],
                Sanitizer.Thread => ["-DEMULATION_TSAN"],
                _ => Array.Empty<string>(),
            },
        ];
        var other = sanitizer == Sanitizer.None ? "layout" : "play";
        Run(flags, "-c", Path.Combine(temporary, "kernels.cpp"), "-o", Path.Combine(temporary, "kernels.o"));
        Run(machine, "-c", "tests/emulation/emulation.cpp", "-o", Path.Combine(temporary, "emulation.o"));
        Run(machine, "-c", $"tests/emulation/{other}.cpp", "-o", Path.Combine(temporary, $"{other}.o"));
        Run(
            flags,
            [
                .. new[] { "kernels.o", "emulation.o", $"{other}.o" }.Select(part => Path.Combine(temporary, part)),
                .. sanitizer == Sanitizer.None ? ["-shared"] : Array.Empty<string>(),
                "-o",
                Path.Combine(temporary, name),
            ]
        );

        void Run(string[] flags, params string[] arguments)
        {
            var (exitCode, output) = EmulationBuild.Run("g++", [.. flags, .. arguments], Repository);
            if (exitCode != 0 && output.Contains("cannot find") && sanitizer != Sanitizer.None)
            {
                Assert.Ignore($"this g++ comes without the {sanitizer} sanitizer's library: {output}");
            }
            Assert.That(exitCode, Is.Zero, output);
        }
    }

    private static string Hash(string unit, string compiler, string[] flags)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{unit}\n{compiler}\n{string.Join(' ', flags)}\n"));
        foreach (var folder in new[] { "kernels", "tests/planted", "tests/emulation" })
        {
            foreach (var file in Directory.GetFiles(Path.Combine(Repository, folder)).Order(StringComparer.Ordinal))
            {
                hash.AppendData(Encoding.UTF8.GetBytes(file));
                hash.AppendData(File.ReadAllBytes(file));
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Its exit code (−1 where there is no such program) and what it wrote.</returns>
    public static (int ExitCode, string Output) Run(
        string program,
        string[] arguments,
        string folder,
        params (string Name, string Value)[] environment
    )
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
        try
        {
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output.Result + errors);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (-1, $"there is no {program}");
        }
    }

    [GeneratedRegex("""extern "C" __global__ void\s+(?:__launch_bounds__\([^)]*\)\s+)?(\w+)\(""")]
    private static partial Regex EntryPoint();
}
