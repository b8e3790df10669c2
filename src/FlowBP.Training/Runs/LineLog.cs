// A log that grows line by line. A line is written by one call and is there as a whole, or not at all: a full disk may take the
// first half of one. Lines are on the disk once somebody says that it matters.

using System.Text;

namespace FlowBP.Training.Runs;

/// <summary>A file of lines.</summary>
/// <param name="file">The file, unbuffered; belongs to this object.</param>
internal sealed class LineLog(FileStream file) : IDisposable
{
    /// <summary>Opens a file.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="mode">Whether it may be there.</param>
    /// <param name="share">Who else may open it.</param>
    /// <exception cref="IOException">It can't be opened.</exception>
    public static LineLog Open(string path, FileMode mode, FileShare share) =>
        // Unbuffered: what can't be written is known at once, and not when the file is closed.
        new(new FileStream(path, mode, FileAccess.ReadWrite, share, bufferSize: 0));

    /// <summary>Its path.</summary>
    public string Path => file.Name;

    /// <summary>Appends a line.</summary>
    /// <param name="line">Without its end.</param>
    /// <exception cref="IOException">It can't be written; the file is as it was.</exception>
    public void Append(string line)
    {
        var length = file.Seek(0, SeekOrigin.End);
        try
        {
            file.Write(Encoding.UTF8.GetBytes(line + "\n"));
        }
        catch (IOException)
        {
            file.SetLength(length);
            throw;
        }
    }

    /// <summary>All lines.</summary>
    public IEnumerable<string> Read()
    {
        file.Position = 0;
        using var reader = new StreamReader(file, leaveOpen: true);
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    /// <summary>Puts what was appended on the disk.</summary>
    /// <exception cref="IOException">The disk reports an error.</exception>
    public void Flush() => file.Flush(flushToDisk: true);

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
