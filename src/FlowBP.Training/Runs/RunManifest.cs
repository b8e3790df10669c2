// How a later run knows that it may replace a folder, and what in it. The manifest is a file of names, one a line, that grows as
// the run writes. A folder without one was not made by a run, and a file that it doesn't name was put there by somebody else:
// neither is ever deleted. It is held open, and locked, for as long as the run lasts.

using System.Text;
using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Training.Runs;

/// <summary>The list of the files that a run wrote into its folder.</summary>
internal sealed partial class RunManifest : IDisposable
{
    private const string Name = ".flowbp-run";
    private const string Heading =
        "# Files of a run of flowbp. --overwrite true replaces these, and leaves every other file alone.";

    private readonly FileStream file;
    private readonly HashSet<string> names = new(StringComparer.Ordinal);

    private RunManifest(FileStream file) => this.file = file;

    /// <summary>Whether a folder was made by a run.</summary>
    public static bool IsIn(string folder) => File.Exists(Path.Combine(folder, Name));

    /// <summary>Begins the manifest of a new run.</summary>
    /// <param name="folder">An existing folder without one.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    public static RunManifest Create(string folder)
    {
        var manifest = new RunManifest(Open(folder, FileMode.CreateNew));
        manifest.Append(Heading);
        FolderEntries.Flush(folder);
        return manifest;
    }

    /// <summary>Takes over the manifest of an earlier run.</summary>
    /// <param name="folder">A folder with one.</param>
    /// <exception cref="IOException">That run is still writing, or the manifest can't be read.</exception>
    public static RunManifest Take(string folder)
    {
        var manifest = new RunManifest(Open(folder, FileMode.Open));
        using var reader = new StreamReader(manifest.file, leaveOpen: true);
        while (reader.ReadLine() is { } line)
        {
            if (!line.StartsWith('#') && IsBelow(line))
            {
                manifest.names.Add(line);
            }
        }
        return manifest;
    }

    /// <summary>Adds a file, before or after it is written.</summary>
    /// <param name="name">Its path, relative to the folder.</param>
    public void Add(string name)
    {
        if (names.Add(name))
        {
            Append(name);
        }
    }

    /// <summary>
    /// Deletes what the manifest names in a folder, leftovers of killed writes, and folders that are empty then; the manifest last.
    /// </summary>
    /// <param name="folder">The folder, wherever it has been moved to. It is gone then unless something else is in it.</param>
    /// <returns>What is left, as paths relative to the folder.</returns>
    public IReadOnlyList<string> DeleteFrom(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(folder, path);
            if (names.Contains(name) || Temporary().IsMatch(name))
            {
                File.Delete(path);
            }
        }
        DeleteEmptyFolders(folder);
        string[] left =
        [
            .. Directory
                .EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(folder, path))
                .Where(name => name != Name),
        ];
        Dispose();
        File.Delete(Path.Combine(folder, Name));
        if (left.Length == 0)
        {
            Directory.Delete(folder);
        }
        return left;
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private void Append(string line)
    {
        file.Seek(0, SeekOrigin.End);
        file.Write(Encoding.UTF8.GetBytes(line + "\n"));
        file.Flush();
    }

    private static FileStream Open(string folder, FileMode mode)
    {
        var path = Path.Combine(folder, Name);
        try
        {
            return new FileStream(path, mode, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (mode == FileMode.Open && File.Exists(path))
        {
            throw new IOException($"{folder} is in use by another run ({e.Message})");
        }
    }

    private static void DeleteEmptyFolders(string folder)
    {
        foreach (var inner in Directory.EnumerateDirectories(folder))
        {
            // A link belongs to whoever made it.
            if (new DirectoryInfo(inner).LinkTarget is not null)
            {
                continue;
            }
            DeleteEmptyFolders(inner);
            if (!Directory.EnumerateFileSystemEntries(inner).Any())
            {
                Directory.Delete(inner);
            }
        }
    }

    // A manifest that somebody edited must not lead out of its folder.
    private static bool IsBelow(string name) => !Path.IsPathRooted(name) && !name.Split('/').Contains("..");

    // What AtomicFile leaves when the process is killed.
    [GeneratedRegex(@"\.\d+\.[0-9a-f]{32}\.tmp$")]
    private static partial Regex Temporary();
}
