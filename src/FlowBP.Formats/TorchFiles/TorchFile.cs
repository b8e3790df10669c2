// Files of torch.save: .pt, .pth, .bin, .ckpt. They are pickles, and a pickle is a program; this one is read by a machine
// that can describe tensors and plain containers and nothing else (PickleReader). What it describes is checked against the
// storages before a byte is read, and read from the mapped file when it is asked for.

namespace FlowBP.Formats;

/// <summary>An open file of torch.save, as far as it holds tensors by name.</summary>
public sealed unsafe class TorchFile : ICheckpointSource
{
    private const int LeastBytes = 16;

    private readonly MappedFile map;
    private readonly OrderedDictionary<string, (TorchTensor Tensor, long Start)> places = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);

    private TorchFile(MappedFile map)
    {
        this.map = map;
        ITorchLayout layout =
            TorchZipLayout.Matches(map) ? TorchZipLayout.Read(map)
            : TorchLegacyLayout.Matches(map) ? TorchLegacyLayout.Read(map)
            : throw CheckpointException.ForFile(
                map.Path,
                "found neither a zip archive nor a pickle of protocol 2, expected a file of torch.save"
            );
        foreach (var (name, tensor) in StateDictSearch.Find(map.Path, layout.Root))
        {
            places.Add(name, (tensor, layout.OffsetOf(tensor.Storage)));
            tensors.Add(name, new StoredTensor(name, tensor.Storage.Type, tensor.Shape, map.Path));
        }
    }

    /// <inheritdoc/>
    public string Path => map.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

    /// <summary>Maps a file and reads its description. Nothing in it is executed.</summary>
    /// <param name="path">A file in torch's zip layout (since 1.6) or the one before it.</param>
    /// <exception cref="CheckpointException">
    /// The file is missing, truncated or inconsistent; it holds no tensors by name; or it asks for a global or an opcode
    /// other than those of tensors and plain containers, which is named.
    /// </exception>
    public static TorchFile Open(string path)
    {
        var map = MappedFile.Open(path, LeastBytes);
        try
        {
            return new TorchFile(map);
        }
        catch
        {
            map.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void CopyInto(string name, Tensor destination, ValueCheck values = ValueCheck.None)
    {
        (var tensor, var start) = Place(name);
        var stored = tensors[name];
        if (IsRowMajor(tensor))
        {
            var size = ElementTypes.Size(stored.Type);
            var source = map.At(start + tensor.Offset * size, stored.Bytes);
            StoredValues.Copy(source, stored, destination, values, mapped: true);
            return;
        }
        using var rows = torch.empty(stored.Shape, stored.Type);
        Gather(tensor, start, (byte*)TensorPointer.Of(rows));
        StoredValues.Copy((byte*)TensorPointer.Of(rows), stored, destination, values, mapped: false);
        GC.KeepAlive(rows);
    }

    /// <inheritdoc/>
    public Tensor Load(string name)
    {
        (var tensor, _) = Place(name);
        var result = torch.empty(tensor.Shape, tensor.Storage.Type);
        CopyInto(name, result);
        return result;
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => map.Dispose();

    private (TorchTensor Tensor, long Start) Place(string name) =>
        places.TryGetValue(name, out var place)
            ? place
            : throw CheckpointException.ForTensor(Path, name, "no such tensor", $"one of {places.Count}");

    private static bool IsRowMajor(TorchTensor tensor)
    {
        long expected = 1;
        for (var axis = tensor.Shape.Length - 1; axis >= 0; axis--)
        {
            if (tensor.Shape[axis] > 1 && tensor.Strides[axis] != expected)
            {
                return false;
            }
            expected *= tensor.Shape[axis];
        }
        return true;
    }

    // Transposed and sliced tensors are saved with their strides: element by element, the last axis running fastest.
    private void Gather(TorchTensor tensor, long start, byte* destination)
    {
        var size = ElementTypes.Size(tensor.Storage.Type);
        var source = map.At(start, tensor.Storage.Elements * size);
        var index = new long[tensor.Shape.Length];
        var element = tensor.Offset;
        for (long i = 0; i < tensor.Elements; i++)
        {
            Buffer.MemoryCopy(source + element * size, destination + i * size, size, size);
            for (var axis = index.Length - 1; axis >= 0; axis--)
            {
                element += tensor.Strides[axis];
                if (++index[axis] < tensor.Shape[axis])
                {
                    break;
                }
                element -= tensor.Strides[axis] * tensor.Shape[axis];
                index[axis] = 0;
            }
        }
    }
}
