// A checkpoint appears whole or not at all. Its files are written to a folder beside its place, each flushed to the disk; then they are
// hashed, the manifest is written last, the folders are flushed, and one rename gives it its name. A process that is killed, a disk that
// is full, leaves the checkpoints that were there as they were.

using System.Security.Cryptography;
using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Training.Checkpoints;

/// <summary>The folder in which a checkpoint is written.</summary>
public sealed partial class CheckpointStaging : IDisposable
{
    private readonly string target;
    private bool isCommitted;

    /// <summary>Makes the folder.</summary>
    /// <param name="target">The folder that the checkpoint is to have.</param>
    /// <exception cref="CheckpointException">It can't be made.</exception>
    public CheckpointStaging(string target)
    {
        this.target = System.IO.Path.GetFullPath(target);
        Path = Beside(this.target);
        Guarded(() => FolderEntries.Create(Path));
    }

    /// <summary>Where to write.</summary>
    public string Path { get; }

    /// <summary>
    /// Whether a folder is one that a killed process left, here or while it deleted one: a checkpoint's name, and what
    /// <see cref="Beside"/> puts behind it. A link is none, whatever its name.
    /// </summary>
    /// <param name="folder">The folder.</param>
    public static bool IsLeftover(string folder) =>
        Temporary().Match(System.IO.Path.GetFileName(folder)) is { Success: true } match
        && CheckpointFolders.StepOf(match.Groups[1].Value) is not null
        && !FolderEntries.IsLink(folder);

    /// <summary>Gives the checkpoint its name, in the place of one of the same step.</summary>
    /// <param name="manifest">The manifest; its list of files is made here.</param>
    /// <param name="hashes">Remembers hashes of files that are not written anew.</param>
    /// <param name="list">Hears of each file under its later path before it is there; null: nobody.</param>
    /// <exception cref="CheckpointException">Something can't be written.</exception>
    public void Commit(CheckpointManifest manifest, FileHashes hashes, Action<string>? list = null) =>
        Guarded(() =>
        {
            var files = Files(hashes);
            var content = manifest with { Files = files };
            AtomicFile.WriteText(System.IO.Path.Combine(Path, CheckpointManifest.FileName), content.ToJson());
            foreach (var name in files.Select(file => file.Name).Append(CheckpointManifest.FileName))
            {
                list?.Invoke(System.IO.Path.Combine(target, name));
            }
            foreach (var folder in Directory.EnumerateDirectories(Path, "*", SearchOption.AllDirectories))
            {
                FolderEntries.Flush(folder);
            }
            FolderEntries.Flush(Path);
            Rename([CheckpointManifest.FileName, .. files.Select(file => file.Name)]);
        });

    /// <summary>Deletes what has no name.</summary>
    public void Dispose()
    {
        if (isCommitted)
        {
            return;
        }
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whoever goes on with the run deletes it.
        }
    }

    /// <summary>A name beside a folder that nobody has.</summary>
    /// <param name="folder">The folder.</param>
    internal static string Beside(string folder) => $"{folder}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";

    private CheckpointFile[] Files(FileHashes hashes) =>
        [
            .. Directory
                .EnumerateFiles(Path, "*", SearchOption.AllDirectories)
                .Select(file => (file, System.IO.Path.GetRelativePath(Path, file).Replace('\\', '/')))
                .OrderBy(each => each.Item2, StringComparer.Ordinal)
                .Select(each => hashes.Of(each.file, each.Item2)),
        ];

    private void Rename(IReadOnlyList<string> own)
    {
        string? former = null;
        if (!Directory.Exists(target))
        {
            Directory.Move(Path, target);
        }
        else if (FolderEntries.TryExchange(Path, target))
        {
            former = Path;
        }
        else
        {
            former = Beside(target);
            Directory.Move(target, former);
            Directory.Move(Path, target);
        }
        isCommitted = true;
        FolderEntries.Flush(System.IO.Path.GetDirectoryName(target)!);
        if (former is not null)
        {
            DeleteFormer(former, own);
        }
    }

    // One of the same step has the same files; what somebody else put there is kept under a name that says so.
    private void DeleteFormer(string former, IReadOnlyList<string> own)
    {
        OwnFiles.Delete(former, own);
        if (Directory.Exists(former))
        {
            var kept = Enumerable
                .Range(1, int.MaxValue)
                .Select(i => i == 1 ? $"{target}.kept" : $"{target}.kept-{i}")
                .First(path => !System.IO.Path.Exists(path));
            Directory.Move(former, kept);
        }
    }

    private void Guarded(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CheckpointException.ForFile(target, $"cannot be written: {e.Message}", e);
        }
    }

    [GeneratedRegex(@"^(.+)\.[0-9]+\.[0-9a-f]{32}\.tmp\z")]
    private static partial Regex Temporary();
}

/// <summary>
/// SHA-256 of files. Parts that are not trained are second names of the same files in every checkpoint: they are read once.
/// </summary>
public sealed class FileHashes
{
    private readonly Dictionary<string, (long Bytes, DateTime Written, string Hash)> known = new(
        StringComparer.Ordinal
    );

    /// <summary>A file with its length and hash.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">Its path in the checkpoint.</param>
    /// <exception cref="IOException">It can't be read.</exception>
    public CheckpointFile Of(string path, string name)
    {
        var info = new FileInfo(path);
        if (
            !known.TryGetValue(name, out var found)
            || (found.Bytes, found.Written) != (info.Length, info.LastWriteTimeUtc)
        )
        {
            found = (info.Length, info.LastWriteTimeUtc, Read(path));
            known[name] = found;
        }
        return new(name, found.Bytes, found.Hash);
    }

    /// <summary>SHA-256 of a file's content, lower-case hexadecimal.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It can't be read.</exception>
    public static string Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 20);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
