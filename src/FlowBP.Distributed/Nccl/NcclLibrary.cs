// NCCL, bound directly: its C interface is stable and needs no headers. It is found, not shipped: where PyTorch is, it is, either as a file
// of its own or inside libtorch_cuda.

using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.InteropServices;

namespace FlowBP.Distributed;

/// <summary>The NCCL of this process.</summary>
public sealed unsafe class NcclLibrary
{
    /// <summary>Path of the library, instead of looking for it.</summary>
    public const string Variable = "FLOWBP_NCCL";

    private const string FileName = "libnccl.so.2";
    private const string InsideTorch = "libtorch_cuda.so";

    // The first release whose communicators take settings as this binding gives them.
    private static readonly Version s_oldest = new(2, 18);

    private readonly delegate* unmanaged<NcclResult, byte*> errorString;
    private readonly delegate* unmanaged<nint, byte*> lastError;
    private readonly delegate* unmanaged<NcclUniqueId*, NcclResult> uniqueId;

    private NcclLibrary(nint handle, string path)
    {
        Path = path;
        errorString = (delegate* unmanaged<NcclResult, byte*>)Export(handle, "ncclGetErrorString");
        lastError = (delegate* unmanaged<nint, byte*>)Export(handle, "ncclGetLastError");
        uniqueId = (delegate* unmanaged<NcclUniqueId*, NcclResult>)Export(handle, "ncclGetUniqueId");
        Initialise = (delegate* unmanaged<nint*, int, NcclUniqueId, int, NcclConfig*, NcclResult>)Export(
            handle,
            "ncclCommInitRankConfig"
        );
        Finalise = (delegate* unmanaged<nint, NcclResult>)Export(handle, "ncclCommFinalize");
        Destroy = (delegate* unmanaged<nint, NcclResult>)Export(handle, "ncclCommDestroy");
        Abort = (delegate* unmanaged<nint, NcclResult>)Export(handle, "ncclCommAbort");
        AsyncError = (delegate* unmanaged<nint, NcclResult*, NcclResult>)Export(handle, "ncclCommGetAsyncError");
        GroupStart = (delegate* unmanaged<NcclResult>)Export(handle, "ncclGroupStart");
        GroupEnd = (delegate* unmanaged<NcclResult>)Export(handle, "ncclGroupEnd");
        AllReduce = (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, NcclResult>)Export(
            handle,
            "ncclAllReduce"
        );
        ReduceScatter = (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, NcclResult>)Export(
            handle,
            "ncclReduceScatter"
        );
        AllGather = (delegate* unmanaged<nint, nint, nuint, int, nint, nint, NcclResult>)Export(
            handle,
            "ncclAllGather"
        );
        Broadcast = (delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, NcclResult>)Export(
            handle,
            "ncclBroadcast"
        );
        var version = 0;
        ((delegate* unmanaged<int*, NcclResult>)Export(handle, "ncclGetVersion"))(&version);
        // 2.18.3 is 21803; before 2.9 a release had three digits of minor and patch together.
        Version = new(version / 10_000, version / 100 % 100, version % 100);
    }

    internal delegate* unmanaged<nint*, int, NcclUniqueId, int, NcclConfig*, NcclResult> Initialise { get; }

    internal delegate* unmanaged<nint, NcclResult> Finalise { get; }

    internal delegate* unmanaged<nint, NcclResult> Destroy { get; }

    internal delegate* unmanaged<nint, NcclResult> Abort { get; }

    internal delegate* unmanaged<nint, NcclResult*, NcclResult> AsyncError { get; }

    internal delegate* unmanaged<NcclResult> GroupStart { get; }

    internal delegate* unmanaged<NcclResult> GroupEnd { get; }

    internal delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, NcclResult> AllReduce { get; }

    internal delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, NcclResult> ReduceScatter { get; }

    internal delegate* unmanaged<nint, nint, nuint, int, nint, nint, NcclResult> AllGather { get; }

    internal delegate* unmanaged<nint, nint, nuint, int, int, nint, nint, NcclResult> Broadcast { get; }

    /// <summary>Its file.</summary>
    public string Path { get; }

    /// <summary>Its release.</summary>
    public Version Version { get; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"NCCL {Version} ({Path})");

    /// <summary>Finds and loads NCCL: FLOWBP_NCCL, the system, the <c>nvidia</c> packages of a Python installation, libtorch.</summary>
    /// <param name="library">What was found.</param>
    /// <param name="reason">Why none was: every place that was tried, and what to do.</param>
    /// <param name="places">Where to look; null: where it usually is.</param>
    public static bool TryFind(
        [NotNullWhen(true)] out NcclLibrary? library,
        [NotNullWhen(false)] out string? reason,
        IEnumerable<string>? places = null
    )
    {
        List<string> tried = [];
        foreach (var place in places ?? Places())
        {
            if (!NativeLibrary.TryLoad(place, out var handle))
            {
                tried.Add($"{place} does not load");
                continue;
            }
            try
            {
                library = new(handle, place);
                if (library.Version >= s_oldest)
                {
                    reason = null;
                    return true;
                }
                tried.Add($"{place} is release {library.Version}, older than {s_oldest}");
            }
            catch (EntryPointNotFoundException e)
            {
                tried.Add($"{place}: {e.Message}");
            }
        }
        library = null;
        reason =
            $"no NCCL: {string.Join("; ", tried)}; set {Variable} to a libnccl.so.2 of release {s_oldest} or newer";
        return false;
    }

    /// <summary>Draws the id of a new group; rank 0 gives it to the others.</summary>
    /// <returns>128 bytes.</returns>
    /// <exception cref="NcclException">NCCL finds no network to meet over.</exception>
    public byte[] NewId()
    {
        var id = default(NcclUniqueId);
        Check(uniqueId(&id), 0, "drawing an id");
        return id.ToArray();
    }

    /// <summary>Throws unless a result is success.</summary>
    /// <param name="result">The result.</param>
    /// <param name="communicator">Whose; 0: of none.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <exception cref="NcclException">It is an error.</exception>
    internal void Check(NcclResult result, nint communicator, string what)
    {
        if (result is not (NcclResult.Success or NcclResult.InProgress))
        {
            throw new NcclException(
                $"{what}: {Text(errorString(result))} ({(int)result}); {Text(lastError(communicator))}"
            );
        }
    }

    private static string Text(byte* text) =>
        (Marshal.PtrToStringUTF8((nint)text) ?? "").ReplaceLineEndings(" ").Trim();

    private static nint Export(nint handle, string name) =>
        NativeLibrary.TryGetExport(handle, name, out var address)
            ? address
            : throw new EntryPointNotFoundException($"it has no {name}");

    // By its path where it is loaded already: its name alone may not be on the loader's path.
    private static IEnumerable<string> LoadedTorch()
    {
        const string Maps = "/proc/self/maps";
        return File.Exists(Maps)
            ? File.ReadLines(Maps)
                .Where(line => line.EndsWith("/" + InsideTorch, StringComparison.Ordinal))
                .Select(line => line[line.IndexOf('/', StringComparison.Ordinal)..])
                .Distinct()
            : [];
    }

    private static IEnumerable<string> Places()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            // What somebody names is taken, or nothing is.
            return [given];
        }
        string[] roots =
        [
            .. new[] { "VIRTUAL_ENV", "CONDA_PREFIX" }
                .Select(Environment.GetEnvironmentVariable)
                .OfType<string>()
                .Select(root => System.IO.Path.Combine(root, "lib")),
            "/usr/local/lib",
            "/usr/lib",
        ];
        return
        [
            FileName,
            .. roots
                .Where(Directory.Exists)
                .SelectMany(root => Directory.EnumerateDirectories(root, "python3*"))
                .SelectMany(python =>
                    new[] { "site-packages", "dist-packages" }.Select(each => System.IO.Path.Combine(python, each))
                )
                .Select(packages => System.IO.Path.Combine(packages, "nvidia", "nccl", "lib", FileName))
                .Where(File.Exists),
            .. LoadedTorch(),
        ];
    }
}
