// A file as memory. Pages come from the page cache when they are touched and count as the file's, not as the process's own
// memory: the system takes them back whenever it likes. Large ranges are announced and given back explicitly, because
// thousands of page faults, one per four kilobytes, cost more than the copying itself.

using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace FlowBP.Formats;

internal sealed unsafe partial class MappedFile : IDisposable
{
    private const int Sequential = 2;
    private const int DontNeed = 4;
    private const int PopulateRead = 22;

    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* start;
    private bool disposed;

    private MappedFile(string path, FileStream stream)
    {
        Path = path;
        Length = stream.Length;
        map = MemoryMappedFile.CreateFromFile(
            stream,
            mapName: null,
            0,
            MemoryMappedFileAccess.Read,
            HandleInheritability.None,
            leaveOpen: false
        );
        view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* pointer = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        start = pointer + view.PointerOffset;
        // Values are read in the order in which they lie: the disk may run ahead.
        Advise(start, Length, Sequential);
    }

    /// <summary>The path as it was given.</summary>
    public string Path { get; }

    /// <summary>Bytes in the file.</summary>
    public long Length { get; }

    /// <summary>Maps a file for reading.</summary>
    /// <param name="path">The file.</param>
    /// <param name="leastBytes">At least 1: what every file of the format has.</param>
    /// <exception cref="CheckpointException">The file is missing, unreadable, or shorter.</exception>
    public static MappedFile Open(string path, int leastBytes)
    {
        var stream = CheckpointException.Guard(
            path,
            () => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan),
            failed: "cannot be opened"
        );
        var length = stream.Length;
        if (Foreign(stream, length) is { } what)
        {
            stream.Dispose();
            throw CheckpointException.ForFile(path, what);
        }
        if (length < leastBytes)
        {
            stream.Dispose();
            throw CheckpointException.ForFile(
                path,
                $"found {length} bytes, expected at least {leastBytes}: the file is truncated"
            );
        }
        try
        {
            return new MappedFile(path, stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            stream.Dispose();
            throw CheckpointException.ForFile(path, $"cannot be mapped into memory: {e.Message}", e);
        }
    }

    private static string? Foreign(FileStream stream, long length)
    {
        Span<byte> start = stackalloc byte[ForeignContent.LookedAt];
        var read = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        stream.Position = 0;
        return ForeignContent.OfWeights(start[..read], length);
    }

    /// <summary>The address of a range; valid until this object is disposed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the file.</exception>
    public byte* At(long offset, long bytes)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, Length - offset);
        return start + offset;
    }

    /// <summary>A range of at most 2 GiB.</summary>
    public ReadOnlySpan<byte> Span(long offset, int bytes) => new(At(offset, bytes), bytes);

    /// <summary>Has the pages of a range brought in at once rather than one by one. A hint: nothing depends on it.</summary>
    public static void Announce(byte* address, long bytes) => Advise(address, bytes, PopulateRead);

    /// <summary>Gives the pages of a range back; they would be read again if touched. A hint too.</summary>
    public static void GiveBack(byte* address, long bytes) => Advise(address, bytes, DontNeed);

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }
        disposed = true;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        map.Dispose();
    }

    private static void Advise(byte* address, long bytes, int advice)
    {
        if (!OperatingSystem.IsLinux() || bytes == 0)
        {
            return;
        }
        // The range of whole pages that holds the bytes; the mapping is private to this process and never written.
        nint page = Environment.SystemPageSize;
        var first = (nint)address / page * page;
        var end = ((nint)address + (nint)bytes + page - 1) / page * page;
        _ = Advice(first, end - first, advice);
    }

    // Kernels before 5.14 do not know PopulateRead and answer with an error, which changes nothing.
    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advice(nint address, nint length, int advice);
}
