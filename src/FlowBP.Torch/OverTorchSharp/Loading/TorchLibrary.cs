// TorchSharp's own loader finds its library on most systems. Here is what it leaves to its users: an old system whose C++
// library lacks one version that the file names but never uses, a libtorch of another release that would compute nonsense, and
// a package that is not complete. Each is one line that says what to do.

using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Security.Cryptography;
using FlowBP.Torch.Interop;

namespace FlowBP.Torch;

/// <summary>The library that provides tensors: here, the TorchSharp package with its libtorch.</summary>
public static class TorchLibrary
{
    /// <summary>Who provides the TorchSharp API.</summary>
    public const string Provider = "TorchSharp";

    // The package's MKL otherwise chooses how to add up by where memory happens to lie, and a run can't be repeated to the bit.
    private const string ReproducibleProducts = "MKL_CBWR";

    // The C++ library of GCC 13. Debian 12 and Ubuntu 22.04 have GCC 12's.
    private const string LateVersion = "GLIBCXX_3.4.32";

    // Of libLibTorchSharp.so in TorchSharp 0.107.0: no relocation refers to a symbol of LateVersion in this file.
    private const string KnownFile = "cf33b1b0bb6bbb9754a768fb5c5d04d9f498603be50e73f55621a0b40ee608b8";

    // In the order in which they need each other.
    private static readonly string[] s_libraries = ["libc10.so", PackageFolder.Libtorch, "libtorch.so"];

    private static readonly Lock s_loading = new();
    private static nint s_handle;
    private static string? s_failure;
    private static bool s_expected;

    /// <summary>The libtorch that this TorchSharp was built for; another one loads and computes nonsense.</summary>
    public static Version Wanted { get; } = new(2, 10);

    /// <summary>The release of the libtorch that is loaded; null before <see cref="Load"/>.</summary>
    public static Version? Release => LibtorchAbi.Release;

    /// <summary>Version of the TorchSharp package.</summary>
    public static string ProviderVersion =>
        typeof(torch)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion.Split('+')[0]
        ?? "of unknown version";

    /// <summary>What to do for a libtorch with CUDA.</summary>
    public const string WithCuda =
        "build with TorchCuda=true (the package TorchSharp-cuda-linux), or with TorchProvider=FlowBP and a libtorch that has CUDA";

    /// <summary>GPUs that libtorch can use; 0 where its package is the one for CPUs.</summary>
    public static int CudaDevices => torch.TryInitializeDeviceType(DeviceType.CUDA) ? torch.cuda.device_count() : 0;

    /// <summary>What had to be done to the package's library to load it on this system; null: nothing.</summary>
    public static string? Remedy { get; private set; }

    /// <summary>What is done about convolutions that are wrong on this processor; null: they are right.</summary>
    public static string? ConvolutionRemedy { get; private set; }

    /// <summary>
    /// Has the package's library found when TorchSharp first asks for it, on systems where it would not be, and matrix products
    /// repeat to the bit (MKL_CBWR=AUTO, unless that is set). It costs nothing and loads nothing. To be called before TorchSharp
    /// is used; projects that reference this one's package do so by themselves.
    /// </summary>
    public static void Expect()
    {
        lock (s_loading)
        {
            if (s_expected)
            {
                return;
            }
            s_expected = true;
        }
        NativeEnvironment.SetUnlessSet(ReproducibleProducts, "AUTO");
        // Raised only where the runtime's own search has failed; in the context of TorchSharp, which is not always the default one
        // (test runners and plugins have their own).
        var context = AssemblyLoadContext.GetLoadContext(typeof(torch).Assembly) ?? AssemblyLoadContext.Default;
        context.ResolvingUnmanagedDll += (_, name) =>
            !name.Contains("LibTorchSharp", StringComparison.Ordinal) ? 0
            // TorchSharp goes on with its own search, and has this line in what it says when that fails as well.
            : Failure() is { } failure ? throw new DllNotFoundException(failure)
            : s_handle;
    }

    /// <summary>Loads the library, unless it is loaded.</summary>
    /// <exception cref="DllNotFoundException">It can't be loaded, or is another release; the message says what to do.</exception>
    public static void Load()
    {
        Expect();
        if (Failure() is { } failure)
        {
            throw new DllNotFoundException(failure);
        }
    }

    // Every libtorch that TorchSharp takes tells its stream.
    internal static nint CurrentStream(int device) =>
        throw new ExternalException($"libtorch does not tell the current stream of cuda:{device}");

    private static string? Failure()
    {
        lock (s_loading)
        {
            if (s_handle == 0 && s_failure is null)
            {
                s_failure = Try();
                if (s_failure is null)
                {
                    DeferredScalars.Begin(s_handle);
                    s_failure = ConvolutionCheck.Run(
                        s_handle,
                        LoadedLibrary.Find(PackageFolder.Libtorch)!,
                        out var remedy
                    );
                    ConvolutionRemedy = remedy;
                }
            }
            return s_failure;
        }
    }

    // Loads; null, or why it can't be.
    private static string? Try()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            return $"the packages of libtorch are for Linux on x64, and this is {RuntimeInformation.RuntimeIdentifier}: use this"
                + " project's own binding (TorchProvider=FlowBP) with a libtorch of this system";
        }
        // What a package lacks is not looked for by its name: the system may have one of that name, of another libtorch.
        var loadedBefore = LoadedLibrary.Find(PackageFolder.Libtorch);
        if (loadedBefore is null && PackageFolder.Obstacle() is { } obstacle)
        {
            return obstacle;
        }
        var libtorch = loadedBefore ?? PackageFolder.Find(PackageFolder.Libtorch)!;
        // All by their paths, before anything needs them by their names: the loader would take those of LD_LIBRARY_PATH, or a
        // libtorch of the system, and two libtorches in one process end it.
        foreach (var name in s_libraries)
        {
            var path = Path.Combine(Path.GetDirectoryName(libtorch)!, name);
            if (File.Exists(path) && (ElfFile.Damage(path) ?? Opened(path, out _)) is { } reason)
            {
                return Refusal(path, reason);
            }
        }
        if (Release is not { } release || release.Major != Wanted.Major || release.Minor != Wanted.Minor)
        {
            return $"TorchSharp {ProviderVersion} takes libtorch {Wanted}, and {libtorch} is"
                + $" {Release?.ToString() ?? "a release before 2.2"}: "
                + (
                    PackageFolder.Obstacle()
                    ?? "take that one off LD_LIBRARY_PATH (or do not load it before), or use it with this project's own binding"
                        + " (TorchProvider=FlowBP)"
                );
        }
        if (LoadedLibrary.Find(PackageFolder.Binding) is { } loaded)
        {
            return Opened(loaded, out s_handle);
        }
        var binding = PackageFolder.Find(PackageFolder.Binding);
        if (binding is null)
        {
            return PackageFolder.Obstacle();
        }
        return (ElfFile.Damage(binding) ?? Opened(binding, out s_handle)) switch
        {
            null => null,
            { } reason when reason.Contains(LateVersion, StringComparison.Ordinal) => LoadWithWeakVersion(
                binding,
                reason
            ),
            { } reason => Refusal(binding, reason),
        };
    }

    private static string Refusal(string path, string reason) =>
        reason.Contains(ElfFile.Unreadable, StringComparison.Ordinal)
            ? $"{path} does not load: {reason}"
            : $"{path} does not load: {reason}; {PackageFolder.Restore}";

    private static string? Opened(string path, out nint handle)
    {
        try
        {
            handle = NativeLibrary.Load(path);
            return null;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            handle = 0;
            return LoadersReason(e);
        }
    }

    // .NET puts advice in front of what the system's loader says.
    private static string LoadersReason(Exception e)
    {
        var advice = e.Message.LastIndexOf("environment variable:", StringComparison.Ordinal);
        var reason = advice < 0 ? e.Message : e.Message[(advice + "environment variable:".Length)..];
        return string.Join(
            ' ',
            reason.Split('\n', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[..1]
        );
    }

    private static string? LoadWithWeakVersion(string binding, string reason)
    {
        var file = File.ReadAllBytes(binding);
        var hash = Convert.ToHexStringLower(SHA256.HashData(file));
        if (hash != KnownFile)
        {
            return $"{binding} does not load ({reason}), and it is not the file of TorchSharp 0.107.0 that can be made to (its"
                + $" SHA-256 begins with {hash[..12]}): update libstdc++ (GCC 13 or newer), or use TorchProvider=FlowBP";
        }
        var changed = SymbolVersions.MakeWeak(file, LateVersion);
        if (changed < 0)
        {
            return $"{binding} does not load ({reason}), and names no version {LateVersion} that could be made weak";
        }
        try
        {
            s_handle = MemoryFile.Load(PackageFolder.Binding, file);
        }
        catch (Exception e) when (e is DllNotFoundException or IOException)
        {
            return $"{binding} does not load ({reason}), nor does a copy without that need: {LoadersReason(e)};"
                + " use TorchProvider=FlowBP";
        }
        Remedy =
            $"this system's libstdc++ lacks {LateVersion}, which {PackageFolder.Binding} names and does not use: a copy in memory"
            + $" with that need made weak (byte {changed}) is loaded instead";
        return null;
    }
}
