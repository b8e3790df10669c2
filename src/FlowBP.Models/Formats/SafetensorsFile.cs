// Reading safetensors without reading the file: the header is parsed and checked at once, the data stay on disk behind
// a memory map until a tensor is asked for. A multi-gigabyte checkpoint opens in milliseconds, and a tensor is copied
// exactly once, from the page cache into its own memory.

using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;

namespace FlowBP.Models.Formats;

/// <summary>An open, validated, memory-mapped safetensors file.</summary>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly SafetensorsHeader header;
    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;
    private readonly long dataOffset;
    private readonly byte* start;
    private bool disposed;

    private SafetensorsFile(string path, long fileBytes, FileStream stream)
    {
        Path = path;
        map = MemoryMappedFile.CreateFromFile(
            stream,
            mapName: null,
            0,
            MemoryMappedFileAccess.Read,
            HandleInheritability.None,
            leaveOpen: false
        );
        try
        {
            view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            byte* pointer = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
            start = pointer + view.PointerOffset;
            ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(start, 8));
            if (headerBytes > SafetensorsHeader.MaxHeaderBytes)
            {
                throw CheckpointException.ForFile(
                    path,
                    $"found a header length of {headerBytes} bytes, expected at most {SafetensorsHeader.MaxHeaderBytes}"
                );
            }
            if ((long)headerBytes > fileBytes - 8)
            {
                throw CheckpointException.ForFile(
                    path,
                    $"found a header length of {headerBytes} bytes, expected at most {fileBytes - 8} "
                        + "(the file is truncated or no safetensors file)"
                );
            }
            dataOffset = 8 + (long)headerBytes;
            var json = new ReadOnlySpan<byte>(start + 8, (int)headerBytes);
            header = SafetensorsHeader.Parse(path, json, fileBytes - dataOffset);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file's path as it was given.</summary>
    public string Path { get; }

    /// <summary>Every tensor in the file, by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => header.Entries;

    /// <summary>The free-form string metadata of the file.</summary>
    public IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    /// <summary>Maps a file and validates its header.</summary>
    /// <exception cref="CheckpointException">The file is missing, unreadable, truncated or inconsistent.</exception>
    public static SafetensorsFile Open(string path)
    {
        FileStream stream;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw CheckpointException.ForFile(path, "no such file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CheckpointException.ForFile(path, $"cannot be opened: {e.Message}", e);
        }
        if (stream.Length < 8)
        {
            long length = stream.Length;
            stream.Dispose();
            throw CheckpointException.ForFile(
                path,
                $"found {length} bytes, expected at least 8: the file is truncated"
            );
        }
        return new SafetensorsFile(path, stream.Length, stream);
    }

    /// <summary>The named entry.</summary>
    /// <exception cref="CheckpointException">The file has no such tensor.</exception>
    public SafetensorsEntry Entry(string name) =>
        header.Entries.TryGetValue(name, out SafetensorsEntry? entry)
            ? entry
            : throw CheckpointException.ForTensor(Path, name, "no such tensor", $"one of {header.Entries.Count}");

    /// <summary>Copies part of a tensor's bytes (little-endian, row-major).</summary>
    /// <param name="entry">An entry of this file.</param>
    /// <param name="offset">First byte, from the start of the tensor.</param>
    /// <param name="destination">Receives exactly its own length of bytes.</param>
    public void CopyBytes(SafetensorsEntry entry, long offset, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + destination.Length, entry.Bytes, nameof(offset));
        new ReadOnlySpan<byte>(start + dataOffset + entry.Begin + offset, destination.Length).CopyTo(destination);
    }

    /// <summary>Copies the named tensor into a new contiguous CPU tensor of the stored type and shape.</summary>
    /// <exception cref="CheckpointException">The file has no such tensor.</exception>
    public Tensor Load(string name)
    {
        SafetensorsEntry entry = Entry(name);
        Tensor tensor = torch.empty(entry.Shape, dtype: entry.Type.ToScalarType());
        TensorBytes.Fill(tensor, (offset, destination) => CopyBytes(entry, offset, destination));
        return tensor;
    }

    /// <summary>Every tensor of a file, by name.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where to; null: main memory.</param>
    /// <exception cref="CheckpointException">The file is missing, unreadable, truncated or inconsistent.</exception>
    public static IReadOnlyDictionary<string, Tensor> LoadAll(string path, Device? device = null)
    {
        using SafetensorsFile file = Open(path);
        return file.Entries.Keys.ToDictionary(name => name, name => file.Load(name).to(device ?? torch.CPU));
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }
        disposed = true;
        if (view is not null)
        {
            if (start is not null)
            {
                view.SafeMemoryMappedViewHandle.ReleasePointer();
            }
            view.Dispose();
        }
        map.Dispose();
    }
}
