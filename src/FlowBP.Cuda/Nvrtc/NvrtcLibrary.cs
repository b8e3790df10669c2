// NVRTC, the compiler of CUDA C++ that is a library: found, not shipped. Where it comes from decides what it can compile for
// and whether the driver can run the result, so it says which one it is.
//
// Two traps of the library itself: it loads its builtins by their bare name, which works only where they are on the system's
// path, so they are loaded beforehand from its own folder; and a release newer than the driver compiles what the driver can't
// run, so such a release is passed over where the driver's version is known.

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;
using FlowBP.Cuda.Interop;

namespace FlowBP.Cuda;

/// <summary>The NVRTC of this process.</summary>
public sealed unsafe class NvrtcLibrary
{
    private static readonly Lock s_lock = new();
    private static NvrtcLibrary? s_found;

    private NvrtcLibrary(string path, Version version, string builtinsPath)
    {
        Path = path;
        Version = version;
        BuiltinsPath = builtinsPath;
        SupportedArchitectures = Architectures();
    }

    /// <summary>Its file.</summary>
    public string Path { get; }

    /// <summary>The CUDA version that it belongs to: 11.8, 12.4, 13.0.</summary>
    public Version Version { get; }

    /// <summary>The file of its builtins.</summary>
    public string BuiltinsPath { get; }

    /// <summary>What it can compile for, in ascending order.</summary>
    public IReadOnlyList<ComputeCapability> SupportedArchitectures { get; }

    /// <inheritdoc/>
    public override string ToString() => $"NVRTC {Version} ({Path})";

    /// <summary>
    /// Finds and loads NVRTC: FLOWBP_NVRTC, what the process has loaded, the system, a CUDA toolkit, libtorch, the
    /// <c>nvidia</c> packages of a Python installation. Once found, it stays the one of this process.
    /// </summary>
    /// <param name="library">What was found.</param>
    /// <param name="reason">Why none was: every place that was tried, and what to do.</param>
    /// <param name="driver">
    /// The CUDA version that the driver supports (<see cref="CudaDriver.Version"/>): releases of a newer major version are
    /// passed over. Null where nothing will be run, or not on a GPU.
    /// </param>
    public static bool TryFind(
        [NotNullWhen(true)] out NvrtcLibrary? library,
        [NotNullWhen(false)] out string? reason,
        Version? driver = null
    )
    {
        lock (s_lock)
        {
            if (s_found is null)
            {
                s_found = Find(NvrtcPlaces.OfThisProcess(), driver, out reason);
            }
            else
            {
                reason = IsTooNew(s_found.Version, driver)
                    ? $"{s_found} is loaded, and too new for a driver of CUDA {driver}: set FLOWBP_NVRTC to an older one"
                    : null;
            }
            library = reason is null ? s_found : null;
            return library is not null;
        }
    }

    /// <summary>Takes the first place that has a usable one.</summary>
    internal static NvrtcLibrary? Find(NvrtcPlaces places, Version? driver, out string? reason)
    {
        var tried = new List<string>();
        foreach (var place in places.InOrder())
        {
            var found = TryLoad(place, driver, out var objection);
            if (found is not null)
            {
                reason = null;
                return found;
            }
            tried.Add($"  {place.Path} ({place.Origin}): {objection}");
        }
        reason =
            "NVRTC, the compiler for CUDA kernels, was not found. On Debian: apt-get install libnvrtc11.2 (component "
            + "non-free); with Python: pip install nvidia-cuda-nvrtc; or set FLOWBP_NVRTC to the file libnvrtc.so.* or its "
            + $"folder. Looked in:{Environment.NewLine}{string.Join(Environment.NewLine, tried)}";
        return null;
    }

    private static NvrtcLibrary? TryLoad(NvrtcPlace place, Version? driver, out string objection)
    {
        if (!place.IsFound)
        {
            objection = "not there";
            return null;
        }
        nint handle;
        try
        {
            handle = NativeLibrary.Load(place.Path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            objection = System.IO.Path.IsPathRooted(place.Path) ? LastLine(e.Message) : "not there";
            return null;
        }
        // Called through its address: binding it by name would make this library the one of the process, come what may.
        var major = 0;
        var minor = 0;
        if (
            !NativeLibrary.TryGetExport(handle, "nvrtcVersion", out var version)
            || ((delegate* unmanaged[Cdecl]<int*, int*, int>)version)(&major, &minor) != 0
        )
        {
            objection = "it is not NVRTC";
        }
        else if (!NativeLibrary.TryGetExport(handle, "nvrtcGetSupportedArchs", out _))
        {
            objection = $"it is NVRTC {major}.{minor}; 11.2 or newer is needed";
        }
        else if (IsTooNew(new(major, minor), driver))
        {
            objection = $"it is NVRTC {major}.{minor}, too new for a driver of CUDA {driver}";
        }
        else
        {
            var path = System.IO.Path.IsPathRooted(place.Path) ? place.Path : PathOfLoaded(place.Path);
            var builtins = LoadBuiltins(path, new(major, minor), out objection);
            if (builtins is not null)
            {
                NativeLibraries.NvrtcHandle = handle;
                return new(path, new(major, minor), builtins);
            }
        }
        NativeLibrary.Free(handle);
        return null;
    }

    private static bool IsTooNew(Version version, Version? driver) =>
        driver is not null && version.Major > driver.Major;

    /// <summary>Loads the builtins of a release from its folder, or else from the system's path.</summary>
    internal static string? LoadBuiltins(string library, Version version, out string objection)
    {
        objection = "";
        var name = string.Create(CultureInfo.InvariantCulture, $"libnvrtc-builtins.so.{version.Major}.{version.Minor}");
        // The real file's folder: the library may be reached through a link from elsewhere.
        var folders = new[]
        {
            library,
            new FileInfo(library).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? library,
        }
            .Select(file => System.IO.Path.GetDirectoryName(file)!)
            .Distinct();
        foreach (var folder in folders)
        {
            var beside = System.IO.Path.Combine(folder, name);
            if (File.Exists(beside) && NativeLibrary.TryLoad(beside, out _))
            {
                return beside;
            }
        }
        if (NativeLibrary.TryLoad(name, out _))
        {
            return PathOfLoaded(name);
        }
        objection = $"it is NVRTC {version}, but its {name} is neither beside it nor on the system's path";
        return null;
    }

    // What the system's loader chose for a bare name.
    private static string PathOfLoaded(string name)
    {
        var stem = name[..(name.IndexOf(".so", StringComparison.Ordinal) + ".so".Length)];
        return LoadedImages
                .Now()
                .FirstOrDefault(image => System.IO.Path.GetFileName(image).StartsWith(stem, StringComparison.Ordinal))
            ?? name;
    }

    // The loader's own words come after .NET's.
    private static string LastLine(string text)
    {
        var trimmed = text.TrimEnd();
        return trimmed[(trimmed.LastIndexOf('\n') + 1)..];
    }

    private static ComputeCapability[] Architectures()
    {
        var count = 0;
        NvrtcCall.Check(NvrtcMethods.nvrtcGetNumSupportedArchs(&count), nameof(NvrtcMethods.nvrtcGetNumSupportedArchs));
        var numbers = new int[count];
        fixed (int* first = numbers)
        {
            NvrtcCall.Check(NvrtcMethods.nvrtcGetSupportedArchs(first), nameof(NvrtcMethods.nvrtcGetSupportedArchs));
        }
        return [.. numbers.Order().Select(ComputeCapability.FromNumber)];
    }
}
