// The launcher in a small tree of its own, with scripts in the place of dotnet, CMake and apt-get: what it decides and says is seen
// in milliseconds and without a network. The scripts do what a scenario's files tell them to, and keep a list of their calls.

using System.Diagnostics;

namespace FlowBP.Cli.Tests.Launcher;

/// <summary>How a call of the launcher ended and what it said.</summary>
internal sealed record LauncherRun(int Code, string Output, string Error)
{
    public string[] Lines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public string LastLine => Lines.LastOrDefault("");

    /// <summary>It failed, with one line and nothing else.</summary>
    public string AssertOneLine(int code)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Code, Is.EqualTo(code), Error);
            Assert.That(Output, Is.Empty);
            Assert.That(Lines, Has.Length.EqualTo(1), Error);
            Assert.That(Error, Does.StartWith("flowbp: "));
        }
        return LastLine;
    }

    /// <summary>It came to the program of a provider, which is told what it is instead of.</summary>
    public void AssertRan(string provider, string? insteadBecause = null)
    {
        var instead = insteadBecause is null ? "" : $" instead of the package: {insteadBecause}";
        Assert.That(Output, Is.EqualTo($"ran {provider} doctor{instead}\n"), Error);
        Assert.That(Code, Is.Zero, Error);
    }
}

internal sealed class LauncherTree : IDisposable
{
    private const int Nobody = 65534;

    // What the launcher calls besides the stand-ins.
    private const string Tools =
        "bash env cat cp mkdir rm ls find sort cksum id uname sed awk grep head tail dirname basename readlink flock nproc tee cut"
        + " tr touch mktemp chmod";

    private const string Dotnet = """
        #!/usr/bin/env bash
        # Not as a user who may write nothing.
        if [[ -w $STUB ]]; then echo "${TorchProvider-} $*" >>"$STUB/calls"; fi
        case "$1" in
            --list-sdks) echo "10.0.100 [/sdk]" ;;
            build | restore)
                echo "HOME=${DOTNET_CLI_HOME:-$HOME} TMPDIR=${TMPDIR-} FALLBACK=${NUGET_FALLBACK_PACKAGES-}" >>"$STUB/environment"
                if [[ -e $STUB/$1.$TorchProvider ]]; then cat "$STUB/$1.$TorchProvider"; exit 1; fi
                if [[ $1 == build ]]; then
                    to="src/FlowBP.Cli/bin/$TorchProvider/Release/net10.0"
                    mkdir -p "$to/runtimes/linux-x64/native"
                    echo program >"$to/flowbp.dll"
                    if [[ $TorchProvider == TorchSharp ]]; then
                        cp -p "$STUB"/packages/*/1/runtimes/linux-x64/native/* "$to/runtimes/linux-x64/native"
                    fi
                fi
                ;;
            */flowbp.dll)
                provider="${1#*/bin/}"
                if [[ "$2 ${3-}" == "doctor --loading" ]]; then
                    if [[ $1 == */bin/TorchSharp/* && -e $STUB/loading ]]; then cat "$STUB/loading" >&2; exit 1; fi
                    exit 0
                fi
                echo "ran ${provider%%/*} ${*:2}${FLOWBP_INSTEAD_OF_PACKAGE:+ instead of the package: $FLOWBP_INSTEAD_OF_PACKAGE}"
                ;;
        esac
        """;

    private const string Cmake = """
        #!/usr/bin/env bash
        echo "cmake $*" >>"$STUB/calls"
        if [[ -e $STUB/cmake ]]; then cat "$STUB/cmake"; exit 1; fi
        mkdir -p build/native
        echo library >build/native/libflowbp.so
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("flowbp-launcher-").FullName;

    /// <summary>Lays the tree.</summary>
    /// <param name="name">Its folder's name.</param>
    public LauncherTree(string name = "tree")
    {
        Root = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        File.Copy(Launcher(), Path.Combine(Root, "flowbp"));
        foreach (
            var source in new[]
            {
                "src/FlowBP.Cli/Program.cs",
                "native/binding.cpp",
                "CMakeLists.txt",
                "Directory.Build.props",
                "FlowBP.sln",
            }
        )
        {
            Write(Path.Combine(Root, source), "source");
        }
        Directory.CreateDirectory(Bin);
        Directory.CreateDirectory(Stub);
        Directory.CreateDirectory(Home);
        foreach (var tool in Tools.Split(' '))
        {
            File.CreateSymbolicLink(
                Path.Combine(Bin, tool),
                new[] { "/usr/bin", "/bin" }.Select(place => Path.Combine(place, tool)).First(File.Exists)
            );
        }
        Script("dotnet", Dotnet);
        Script("cmake", Cmake);
        Script("make", "#!/usr/bin/env bash\n");
        Script("c++", "#!/usr/bin/env bash\n");
        Write(Path.Combine(Libtorch, "TorchConfig.cmake"), "");
        Write(Binding, "binding");
        Write(Operators, "operators");
    }

    public string Root { get; }

    /// <summary>Where all that is run is found.</summary>
    public string Bin => Path.Combine(folder, "bin");

    public string Home => Path.Combine(folder, "home");

    /// <summary>NuGet's cache.</summary>
    public string Packages => Path.Combine(Stub, "packages");

    /// <summary>The package's file that TorchSharp calls.</summary>
    public string Binding => Path.Combine(Packages, "torchsharp/1/runtimes/linux-x64/native/libLibTorchSharp.so");

    /// <summary>The package's libtorch.</summary>
    public string Operators =>
        Path.Combine(Packages, "libtorch-cpu-linux-x64/1/runtimes/linux-x64/native/libtorch_cpu.so");

    /// <summary>The libtorch of the own binding.</summary>
    public string Libtorch => Path.Combine(folder, "libtorch");

    /// <summary>Why the own binding is used in the package's place, as it is remembered.</summary>
    public string Remembered => Path.Combine(Root, "build/provider");

    /// <summary>Where the program of a provider is built, or a file in that folder.</summary>
    public string Built(string provider, string file = "") =>
        Path.Combine(Root, $"src/FlowBP.Cli/bin/{provider}/Release/net10.0", file);

    /// <summary>Builds that were asked for, as <c>provider restore|build</c>, or <c>cmake</c>; the list begins anew.</summary>
    public string[] TakeBuilds()
    {
        var calls = Path.Combine(Stub, "calls");
        var all = File.Exists(calls) ? File.ReadAllLines(calls) : [];
        File.Delete(calls);
        return
        [
            .. all.Select(call => call.Split(' '))
                .Where(words => words[0] == "cmake" || words[1] is "build" or "restore")
                .Select(words => words[0] == "cmake" ? "cmake" : $"{words[0]} {words[1]}")
                .Distinct(),
        ];
    }

    /// <summary>What dotnet's folders were when it last built.</summary>
    public string BuildEnvironment => File.ReadAllLines(Path.Combine(Stub, "environment"))[^1];

    /// <summary>Has a step of a scenario fail with a message: <c>loading</c>, <c>cmake</c>, <c>build.PROVIDER</c>, <c>restore.PROVIDER</c>.</summary>
    public void Fails(string step, string message) => Write(Path.Combine(Stub, step), message + "\n");

    /// <summary>The step works again.</summary>
    public void Works(string step) => File.Delete(Path.Combine(Stub, step));

    public void Script(string name, string text)
    {
        Write(Path.Combine(Bin, name), text);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path.Combine(Bin, name), (UnixFileMode)0b111_101_101);
        }
    }

    public void RemoveTool(string name) => File.Delete(Path.Combine(Bin, name));

    public LauncherRun Run(params string[] arguments) => Run([], arguments);

    /// <summary>Runs the launcher with more in its environment.</summary>
    public LauncherRun Run((string Name, string? Value)[] environment, params string[] arguments) =>
        Start([Path.Combine(Root, "flowbp")], environment, arguments);

    /// <summary>As a user who may read everything and write nothing; the test is skipped where no such user can be had.</summary>
    public LauncherRun RunAsReader((string Name, string? Value)[] environment, params string[] arguments)
    {
        if (Environment.UserName != "root" || !File.Exists("/usr/bin/setpriv"))
        {
            Assert.Ignore("only root can run the launcher as another user (setpriv)");
        }
        using (var open = Process.Start("chmod", ["-R", "a+rX", folder]))
        {
            open.WaitForExit();
        }
        return Start(
            [
                "/usr/bin/setpriv",
                $"--reuid={Nobody}",
                $"--regid={Nobody}",
                "--clear-groups",
                Path.Combine(Root, "flowbp"),
            ],
            environment,
            arguments
        );
    }

    /// <summary>Runs a command in an empty environment but for the launcher's own needs.</summary>
    public LauncherRun Start(
        string[] command,
        (string Name, string? Value)[] environment,
        string[] arguments,
        string? from = null
    )
    {
        var start = new ProcessStartInfo(command[0], [.. command.Skip(1), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = from ?? "/",
        };
        start.Environment.Clear();
        foreach (
            var (name, value) in new (string, string?)[]
            {
                ("PATH", Bin),
                ("HOME", Home),
                ("TMPDIR", folder),
                ("STUB", Stub),
                ("NUGET_PACKAGES", Packages),
                ("Torch_DIR", Libtorch),
            }.Concat(environment)
        )
        {
            start.Environment[name] = value;
            if (value is null)
            {
                start.Environment.Remove(name);
            }
        }
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return new(process.ExitCode, output.Result, error.Result);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    public static void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private string Stub => Path.Combine(folder, "stub");

    private static string Launcher()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "FlowBP.sln")))
            {
                return Path.Combine(at.FullName, "flowbp");
            }
        }
        Assert.Ignore("no source tree here, and the launcher is part of it");
        return "";
    }
}
