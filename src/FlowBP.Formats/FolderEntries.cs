// What .NET has no call for: a name in a folder that survives a power loss, a second name for the same file, and two names that
// change places in one step. Where the system does not have them either (another kernel, another file system), the answer says
// so and the caller takes the longer way.

using System.IO.Enumeration;
using System.Runtime.InteropServices;

namespace FlowBP.Formats;

/// <summary>Operations on the entries of folders.</summary>
public static partial class FolderEntries
{
    private const int InputOutputError = 5;
    private const int CurrentFolder = -100;
    private const uint Exchange = 2;

    /// <summary>
    /// Puts a folder's entries on the disk: a file that was flushed and renamed can still be without a name after a power loss.
    /// File systems that know no such request are left alone.
    /// </summary>
    /// <param name="folder">An existing folder.</param>
    /// <exception cref="IOException">The disk reports an error.</exception>
    public static void Flush(string folder)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }
        var handle = OpenFile(folder, flags: 0);
        if (handle < 0)
        {
            return;
        }
        var error = FlushFile(handle) < 0 ? Marshal.GetLastPInvokeError() : 0;
        _ = CloseFile(handle);
        if (error == InputOutputError)
        {
            throw new IOException($"{folder}: the disk reports an error (errno {error})");
        }
    }

    /// <summary>Makes a folder where there is none, and those above it, so that their names survive a power loss.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="IOException">It can't be made, or the disk reports an error.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public static void Create(string folder)
    {
        List<string> parents = [];
        for (
            var made = Path.GetFullPath(folder);
            !Directory.Exists(made) && Path.GetDirectoryName(made) is { } above;
            made = above
        )
        {
            parents.Add(above);
        }
        Directory.CreateDirectory(folder);
        parents.ForEach(Flush);
    }

    /// <summary>Gives a file a second name (a hard link), which costs no space.</summary>
    /// <param name="file">The file; not a symbolic link.</param>
    /// <param name="path">The new name, in an existing folder.</param>
    /// <returns>False: not here, for example because the two lie on different file systems.</returns>
    public static bool TryLink(string file, string path) => OperatingSystem.IsLinux() && LinkFile(file, path) == 0;

    /// <summary>Exchanges what two names stand for, in one step.</summary>
    /// <param name="one">An existing file or folder.</param>
    /// <param name="other">An existing file or folder of the same file system.</param>
    /// <returns>False: this system can't.</returns>
    public static bool TryExchange(string one, string other)
    {
        try
        {
            return OperatingSystem.IsLinux() && Rename(CurrentFolder, one, CurrentFolder, other, Exchange) == 0;
        }
        catch (EntryPointNotFoundException)
        {
            // A C library from before 2018.
            return false;
        }
    }

    /// <summary>
    /// Files of a folder and of all folders below it, and links, which are not followed: what a link leads to belongs to others, and
    /// a link to a folder above it leads round and round.
    /// </summary>
    /// <param name="folder">An existing folder; it may itself be reached by a link.</param>
    /// <returns>Full paths.</returns>
    /// <exception cref="IOException">A folder can't be read.</exception>
    public static IEnumerable<string> FilesBelow(string folder) =>
        new FileSystemEnumerable<string>(
            folder,
            (ref FileSystemEntry entry) => entry.ToSpecifiedFullPath(),
            new()
            {
                RecurseSubdirectories = true,
                AttributesToSkip = 0,
                IgnoreInaccessible = false,
            }
        )
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory || IsLink(ref entry),
            ShouldRecursePredicate = (ref FileSystemEntry entry) => !IsLink(ref entry),
        };

    /// <summary>Whether a path is a link, wherever it leads.</summary>
    /// <param name="path">A file or folder.</param>
    public static bool IsLink(string path) => new FileInfo(path).LinkTarget is not null;

    /// <summary>The first link on the way from a folder to a file in it; null: there is none.</summary>
    /// <param name="folder">The folder; it may itself be reached by a link.</param>
    /// <param name="name">The file's path in the folder, with slashes.</param>
    public static string? LinkOnTheWay(string folder, string name)
    {
        var path = folder;
        foreach (var part in name.Split('/'))
        {
            path = Path.Combine(path, part);
            if (IsLink(path))
            {
                return path;
            }
        }
        return null;
    }

    private static bool IsLink(ref FileSystemEntry entry) => entry.Attributes.HasFlag(FileAttributes.ReparsePoint);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FlushFile(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseFile(int handle);

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkFile(string file, string path);

    [LibraryImport("libc", EntryPoint = "renameat2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(int oneFolder, string one, int otherFolder, string other, uint flags);
}
