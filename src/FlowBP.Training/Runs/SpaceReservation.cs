// A disk that is full in the last minute of a run would cost the run. So the space that the trained weights will take is taken
// before the first step, by a file without a name, which ends with the process however it ends.

namespace FlowBP.Training.Runs;

/// <summary>Disk space that nobody else gets until it is disposed.</summary>
internal sealed class SpaceReservation : IDisposable
{
    private readonly FileStream file;

    /// <summary>Takes the space; a file system that can't set space aside gives none.</summary>
    /// <param name="folder">An existing folder of the disk.</param>
    /// <param name="bytes">How much.</param>
    /// <exception cref="IOException">There is not so much.</exception>
    public SpaceReservation(string folder, long bytes)
    {
        var path = Path.Combine(folder, $"reserved.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp");
        try
        {
            file = new FileStream(
                path,
                new FileStreamOptions
                {
                    Mode = FileMode.CreateNew,
                    Access = FileAccess.Write,
                    PreallocationSize = bytes,
                    BufferSize = 0,
                }
            );
        }
        catch (IOException)
        {
            throw new IOException(
                $"{folder}: there is no room for the weights that this run will store, {bytes / 1e6:F0} MB;"
                    + " free some space or name another --output_dir"
            );
        }
        // Without a name, it is gone when the process is.
        File.Delete(path);
    }

    /// <summary>Gives the space back.</summary>
    public void Dispose() => file.Dispose();
}
