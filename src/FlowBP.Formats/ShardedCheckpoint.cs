// A checkpoint in several files and a table that says which tensor lies in which. The table is checked against the files
// before any value is read: every file is opened once, its names are compared, and it is closed again. While values are
// read one file is open at a time, so that memory holds one shard at most, whatever the checkpoint's size.

using System.Text.Json;

namespace FlowBP.Formats;

/// <summary>Sharded weights: <c>*.index.json</c> and the files beside it.</summary>
public sealed class ShardedCheckpoint : ICheckpointSource
{
    /// <summary>What an index's name ends with.</summary>
    public const string IndexSuffix = ".index.json";

    private const long MostIndexBytes = 100_000_000;
    private const int NamedProblems = 10;

    private readonly OrderedDictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);
    private ICheckpointSource? open;

    private ShardedCheckpoint(string path) => Path = path;

    /// <summary>The index, as it was given.</summary>
    public string Path { get; }

    /// <summary>The shards' files, in the order of their names.</summary>
    public IReadOnlyList<string> Shards { get; private set; } = [];

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

    /// <summary>Reads an index and compares it with its shards.</summary>
    /// <param name="path">The index.</param>
    /// <exception cref="CheckpointException">
    /// The index is damaged, names a file outside its folder, or does not agree with the shards; a shard is missing or
    /// damaged.
    /// </exception>
    public static ShardedCheckpoint Open(string path)
    {
        var checkpoint = new ShardedCheckpoint(path);
        checkpoint.ReadShards(checkpoint.ReadIndex());
        return checkpoint;
    }

    /// <inheritdoc/>
    public void CopyInto(string name, Tensor destination, ValueCheck values = ValueCheck.None) =>
        ShardOf(name).CopyInto(name, destination, values);

    /// <inheritdoc/>
    public Tensor Load(string name) => ShardOf(name).Load(name);

    /// <summary>Closes the shard that is open.</summary>
    public void Dispose()
    {
        open?.Dispose();
        open = null;
    }

    private ICheckpointSource ShardOf(string name)
    {
        if (!tensors.TryGetValue(name, out var tensor))
        {
            throw CheckpointException.ForTensor(Path, name, "no such tensor", $"one of {tensors.Count}");
        }
        if (open?.Path != tensor.File)
        {
            Dispose();
            open = WeightsFile.Open(tensor.File);
        }
        return open!;
    }

    // Which tensors the index promises in which file.
    private SortedDictionary<string, List<string>> ReadIndex()
    {
        using var json = Parse();
        return ReadMap(json);
    }

    private SortedDictionary<string, List<string>> ReadMap(JsonDocument json)
    {
        var names = new SortedDictionary<string, List<string>>(StringComparer.Ordinal);
        if (
            json.RootElement.ValueKind != JsonValueKind.Object
            || !json.RootElement.TryGetProperty("weight_map", out var map)
            || map.ValueKind != JsonValueKind.Object
        )
        {
            throw CheckpointException.ForFile(Path, "found no object 'weight_map', expected the file of each tensor");
        }
        foreach (var entry in map.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String)
            {
                throw CheckpointException.ForTensor(Path, entry.Name, entry.Value.ValueKind.ToString(), "a file name");
            }
            var file = entry.Value.GetString()!;
            RefuseOutside(entry.Name, file);
            if (!names.TryGetValue(file, out var list))
            {
                names.Add(file, list = []);
            }
            list.Add(entry.Name);
        }
        if (names.Count == 0)
        {
            throw CheckpointException.ForFile(Path, "found an empty 'weight_map', expected the file of each tensor");
        }
        return names;
    }

    private JsonDocument Parse()
    {
        var text = CheckpointException.Guard(Path, Text);
        ForeignContent.Refuse(Path, text);
        JsonFile.RequireLetters(Path, text);
        try
        {
            return JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 });
        }
        catch (JsonException e)
        {
            throw CheckpointException.ForFile(Path, $"is no index: {e.Message}", e);
        }
    }

    private string Text()
    {
        using var stream = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (stream.Length > MostIndexBytes)
        {
            throw CheckpointException.ForFile(
                Path,
                $"found {stream.Length} bytes, expected at most {MostIndexBytes} of an index"
            );
        }
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    // An index comes from strangers: it may name the files beside it and nothing else on this machine.
    private void RefuseOutside(string tensor, string file)
    {
        var plain =
            file.Length is > 0 and < 256
            && file is not ("." or "..")
            && file.AsSpan().IndexOfAny("/\\:\0") < 0
            && WeightsFile.IsNamed(file);
        if (!plain)
        {
            var shown = CheckpointException.Shorten(file);
            throw CheckpointException.ForTensor(
                Path,
                tensor,
                $"the file '{shown}'",
                "the name of a weights file in the index's own folder"
            );
        }
    }

    private void ReadShards(SortedDictionary<string, List<string>> names)
    {
        var folder = System.IO.Path.GetDirectoryName(Path) ?? "";
        Shards = [.. names.Keys.Select(name => System.IO.Path.Combine(folder, name))];
        RefuseMissing();
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((var shard, var file) in names.Keys.Zip(Shards))
        {
            using var source = WeightsFile.Open(file);
            foreach (var name in source.Tensors.Keys)
            {
                if (!seen.TryAdd(name, shard))
                {
                    throw CheckpointException.ForTensor(Path, name, $"it in {seen[name]} and in {shard}", "it once");
                }
            }
            var promised = names[shard].ToHashSet(StringComparer.Ordinal);
            foreach (var tensor in source.Tensors.Values.Where(tensor => promised.Remove(tensor.Name)))
            {
                tensors.Add(tensor.Name, tensor);
            }
            if (promised.Count > 0)
            {
                throw CheckpointException.ForTensor(
                    Path,
                    promised.Min(StringComparer.Ordinal)!,
                    $"no such tensor in {shard}",
                    "it there, as the index says"
                );
            }
        }
    }

    private void RefuseMissing()
    {
        string[] missing =
        [
            .. Shards.Where(file => !File.Exists(file)).Select(file => System.IO.Path.GetFileName(file)),
        ];
        if (missing.Length > 0)
        {
            var more = missing.Length > NamedProblems ? $" and {missing.Length - NamedProblems} more" : "";
            throw CheckpointException.ForFile(
                Path,
                $"{missing.Length} of {Shards.Count} shards are missing beside it: "
                    + $"{string.Join(", ", missing.Take(NamedProblems))}{more}"
            );
        }
    }
}
