// Nothing half-written: a file is written under a temporary name beside its target, flushed to the disk, then renamed.
// A full disk or a killed process leaves the old file as it was.

namespace FlowBP.Formats;

/// <summary>Writes files that appear complete or not at all.</summary>
public static class AtomicFile
{
    /// <summary>Writes a file through <paramref name="write"/>, creating its folder where necessary.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="write">Receives the open stream of the temporary file.</param>
    /// <exception cref="CheckpointException">The disk is full, or the place cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        using var file = new AtomicFileSet();
        file.Add(path, write);
        file.Commit(table: null, obsolete: []);
    }

    /// <summary>Writes a text file, UTF-8 without a byte order mark.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="text">Its content.</param>
    /// <exception cref="CheckpointException">The disk is full, or the place cannot be written.</exception>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}
