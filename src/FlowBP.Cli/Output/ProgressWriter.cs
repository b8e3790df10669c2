// Progress and messages are for whoever reads them. Where nobody can (a log on a disk that is full, a terminal that is gone) that is
// no reason to end a run: what it has trained matters, and the exit code still says how it ended.

using System.Text;

namespace FlowBP.Cli.Output;

/// <summary>Writes what may be lost: text that can't be written is dropped.</summary>
/// <param name="inner">Where to; it stays the caller's.</param>
internal sealed class ProgressWriter(TextWriter inner) : TextWriter
{
    /// <inheritdoc/>
    public override Encoding Encoding => inner.Encoding;

    /// <inheritdoc/>
    public override void Write(char value) => Attempt(() => inner.Write(value));

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Attempt(() => inner.Write(buffer, index, count));

    /// <inheritdoc/>
    public override void Write(string? value) => Attempt(() => inner.Write(value));

    // A line in one piece: two threads write to one terminal.
    /// <inheritdoc/>
    public override void WriteLine() => Attempt(inner.WriteLine);

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Attempt(() => inner.WriteLine(value));

    /// <inheritdoc/>
    public override void Flush() => Attempt(inner.Flush);

    private static void Attempt(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // Nobody is left to be told.
        }
    }
}
