// Compiling takes a tenth of a second per source, on every rank of every run. So compiled code is kept on disk.
//
// What lies there is loaded into a GPU, so it is trusted only as far as it can be checked: the folder belongs to this user and
// nobody else may write to it; an entry carries a hash of its key and content and is compiled anew where that does not fit.
// Writing is a temporary file and a rename: any number of processes may do it at once, and a killed one leaves nothing that
// looks like an entry. Whatever goes wrong here costs time and never a run.

using System.Buffers.Binary;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;

namespace FlowBP.Cuda;

/// <summary>Compiled kernels on disk, in <c>flowbp/kernels</c> below XDG_CACHE_HOME or ~/.cache.</summary>
public sealed class CompiledKernelCache
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerOnlyFolder = OwnerOnly | UnixFileMode.UserExecute;

    private readonly Action<string> notify;
    private readonly Lock stateLock = new();
    private string? folder;
    private bool examined;

    /// <summary>A cache in a folder, which is made when it is first needed.</summary>
    /// <param name="folder">The folder; null for none, so that everything is compiled.</param>
    /// <param name="notify">
    /// Receives one line, once, where the folder can't be used; by default the standard error stream.
    /// </param>
    public CompiledKernelCache(string? folder, Action<string>? notify = null)
    {
        this.folder = folder is null ? null : Path.GetFullPath(folder);
        this.notify = notify ?? Console.Error.WriteLine;
    }

    /// <summary>Where this user's cache is; null where the environment names no place for it.</summary>
    /// <param name="variable">Reads an environment variable.</param>
    public static string? DefaultFolder(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        // A relative path there is to be ignored, says the specification of the variable.
        if (variable("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathRooted(cache))
        {
            return Path.Combine(cache, "flowbp", "kernels");
        }
        return variable("HOME") is { Length: > 0 } home ? Path.Combine(home, ".cache", "flowbp", "kernels") : null;
    }

    /// <summary>This user's cache.</summary>
    public static CompiledKernelCache OfThisUser() => new(DefaultFolder(Environment.GetEnvironmentVariable));

    /// <summary>The code of a source: as it was compiled before, or compiled now.</summary>
    /// <param name="compiler">The compiler.</param>
    /// <param name="source">The source.</param>
    /// <param name="target">What to compile for.</param>
    /// <param name="options">Further options, after <see cref="KernelCompiler.StandardOptions"/>.</param>
    /// <exception cref="KernelCompilationException">The source does not compile.</exception>
    public KernelCode Compile(
        KernelCompiler compiler,
        KernelSource source,
        KernelTarget target,
        params IReadOnlyList<string> options
    )
    {
        ArgumentNullException.ThrowIfNull(compiler);
        return Get(compiler.Identity(source, target, options), () => compiler.Compile(source, target, options));
    }

    /// <summary>The code of an identity, made where there is none.</summary>
    internal KernelCode Get(KernelIdentity identity, Func<KernelCode> compile)
    {
        if (UsableFolder() is not { } usable)
        {
            return compile();
        }
        var key = identity.Hash();
        var path = Path.Combine(usable, $"{key}.kernel");
        if (Read(path, key, identity.Target.Kind) is { } kept)
        {
            return kept;
        }
        var code = compile();
        Write(path, key, code);
        return code;
    }

    // Examined once: a folder that turns bad during a run makes reading or writing fail, which is dealt with there.
    private string? UsableFolder()
    {
        lock (stateLock)
        {
            if (!examined)
            {
                examined = true;
                if (folder is not null && Objection(folder) is { } objection)
                {
                    notify($"flowbp: compiled kernels are not kept: {objection}");
                    folder = null;
                }
            }
            return folder;
        }
    }

    private static string? Objection(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return "only a Unix file system's permissions can be checked";
        }
        try
        {
            CreateForOwner(folder);
            var owner = FolderOwner.Of(folder);
            if (!owner.IsThisUser)
            {
                return $"{folder} belongs to another user";
            }
            const UnixFileMode others = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;
            return (owner.Mode & others) == 0
                ? null
                : $"other users may write to {folder}; correct it with: chmod 700 '{folder}'";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    // Folders above it that are missing are made for this user alone as well, as the specification of XDG_CACHE_HOME asks.
    [UnsupportedOSPlatform("windows")]
    private static void CreateForOwner(string folder)
    {
        if (!Directory.Exists(folder))
        {
            CreateForOwner(Path.GetDirectoryName(folder)!);
            Directory.CreateDirectory(folder, OwnerOnlyFolder);
        }
    }

    // An entry: SHA-256 of key and payload; then the payload, which is the log's length, the log and the code.
    private static KernelCode? Read(string path, string key, KernelCodeKind kind)
    {
        byte[] entry;
        try
        {
            entry = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        if (entry.Length < SHA256.HashSizeInBytes + sizeof(int))
        {
            return null;
        }
        var payload = entry.AsMemory(SHA256.HashSizeInBytes);
        if (!Hash(key, payload.Span).AsSpan().SequenceEqual(entry.AsSpan(0, SHA256.HashSizeInBytes)))
        {
            return null;
        }
        // The lengths are as they were written, since the hash is.
        var logLength = BinaryPrimitives.ReadInt32LittleEndian(payload.Span);
        var log = Encoding.UTF8.GetString(payload.Span.Slice(sizeof(int), logLength));
        return new(kind, payload[(sizeof(int) + logLength)..], log);
    }

    private void Write(string path, string key, KernelCode code)
    {
        var log = Encoding.UTF8.GetBytes(code.Log);
        var payload = new byte[sizeof(int) + log.Length + code.Image.Length];
        BinaryPrimitives.WriteInt32LittleEndian(payload, log.Length);
        log.CopyTo(payload, sizeof(int));
        code.Image.Span.CopyTo(payload.AsSpan(sizeof(int) + log.Length));

        var temporary = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = OwnerOnly;
            }
            using (var stream = new FileStream(temporary, options))
            {
                stream.Write(Hash(key, payload));
                stream.Write(payload);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            GiveUp($"flowbp: compiled kernels are not kept: {e.Message}");
            DeleteQuietly(temporary);
        }
    }

    private void GiveUp(string message)
    {
        lock (stateLock)
        {
            if (folder is not null)
            {
                folder = null;
                notify(message);
            }
        }
    }

    private static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It could not be written, and it can't be deleted: nothing is lost by leaving it.
        }
    }

    private static byte[] Hash(string key, ReadOnlySpan<byte> payload)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes(key));
        hash.AppendData(payload);
        return hash.GetHashAndReset();
    }
}
