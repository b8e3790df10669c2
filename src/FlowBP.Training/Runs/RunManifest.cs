// How a later run knows that it may replace a folder, and what in it. The manifest is a file of names, one a line, that grows as
// the run writes. A folder without one was not made by a run, and a file that it doesn't name was put there by somebody else:
// neither is ever deleted. It is held open, and locked, for as long as the run lasts.

using System.Text.RegularExpressions;
using FlowBP.Formats;

namespace FlowBP.Training.Runs;

/// <summary>The list of the files that a run wrote into its folder.</summary>
internal sealed partial class RunManifest : IDisposable
{
    private const string Name = ".flowbp-run";
    private const string Heading =
        "# Files of a run of flowbp. --overwrite true replaces these, and leaves every other file alone.";

    private readonly LineLog lines;
    private readonly HashSet<string> names = new(StringComparer.Ordinal);

    // A checkpoint is written while the run goes on.
    private readonly Lock access = new();

    private RunManifest(LineLog lines) => this.lines = lines;

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
        foreach (var line in manifest.lines.Read().Where(line => !line.StartsWith('#') && IsBelow(line)))
        {
            manifest.names.Add(line);
        }
        return manifest;
    }

    /// <summary>Adds a file before it is written: one that is there and has no line is taken for somebody else's.</summary>
    /// <param name="name">Its path, relative to the folder.</param>
    /// <exception cref="IOException">The line can't be written.</exception>
    public void Add(string name)
    {
        lock (access)
        {
            if (names.Add(name))
            {
                Append(name);
            }
        }
    }

    /// <summary>
    /// Deletes what the manifest names in a folder, leftovers of killed writes, and folders that are empty then; the manifest last.
    /// </summary>
    /// <param name="folder">The folder, wherever it has been moved to. It is gone then unless something else is in it.</param>
    /// <returns>What is left, as paths relative to the folder.</returns>
    public IReadOnlyList<string> DeleteFrom(string folder)
    {
        // As a list first: what is enumerated changes under the enumeration.
        foreach (var path in FolderEntries.FilesBelow(folder).ToArray())
        {
            var name = Path.GetRelativePath(folder, path);
            if (names.Contains(name) || IsTemporary(name))
            {
                File.Delete(path);
            }
        }
        DeleteEmptyFolders(folder);
        string[] left =
        [
            .. FolderEntries
                .FilesBelow(folder)
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
    public void Dispose() => lines.Dispose();

    // On the disk before the file that it names.
    private void Append(string line)
    {
        lines.Append(line);
        lines.Flush();
    }

    private static LineLog Open(string folder, FileMode mode)
    {
        var path = Path.Combine(folder, Name);
        try
        {
            return LineLog.Open(path, mode, FileShare.None);
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
            if (FolderEntries.IsLink(inner))
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

    /// <summary>Whether a path leads into a folder; a manifest that somebody edited must not lead out of its own.</summary>
    /// <param name="name">The path, relative to the folder.</param>
    public static bool IsBelow(string name) => !Path.IsPathRooted(name) && !name.Split('/').Contains("..");

    /// <summary>Whether a path is one that a killed process leaves: a file or a folder that has no name yet.</summary>
    /// <param name="name">The path, relative to the folder.</param>
    public static bool IsTemporary(string name) => name.Split('/').Any(part => Temporary().IsMatch(part));

    [GeneratedRegex(@"\.\d+\.[0-9a-f]{32}\.tmp$")]
    private static partial Regex Temporary();
}
