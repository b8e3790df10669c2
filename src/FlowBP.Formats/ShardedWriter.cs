// Weights on their way to disk, cut where diffusers and transformers would cut them: tensors are taken in the module's own
// order, a file is closed when the next tensor would make it too large, and a tensor that is too large by itself has a file
// of its own. The same module gives the same bytes. What a former save left under another count of files is removed, since
// a loader that finds two layouts takes whichever it asks for first.

using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace FlowBP.Formats;

internal static partial class ShardedWriter
{
    private const string Extension = ".safetensors";

    /// <summary>Writes one file, or several with an index.</summary>
    /// <param name="file">The name of the weights if they were one file, ending with <c>.safetensors</c>.</param>
    /// <param name="tensors">Tensors by name, in the order in which they are to be distributed.</param>
    /// <param name="dtype">Storage type of real numbers; each tensor's own if null.</param>
    /// <param name="maxShardBytes">The most bytes of tensors in one file.</param>
    /// <param name="changes">What is stored in the place of some tensors; null: nothing.</param>
    public static void Write(
        string file,
        IReadOnlyDictionary<string, Tensor> tensors,
        ScalarType? dtype,
        long maxShardBytes,
        IReadOnlyDictionary<string, Func<Tensor>>? changes = null
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxShardBytes, 1);
        var shards = Split(
            tensors.Select(pair => new TensorToWrite(
                pair.Key,
                pair.Value,
                dtype,
                changes?.GetValueOrDefault(pair.Key)
            )),
            maxShardBytes
        );
        var index = file + ShardedCheckpoint.IndexSuffix;
        using var files = new AtomicFileSet();
        if (shards.Count == 1)
        {
            files.Add(file, SafetensorsWriter.Content(shards[0], SafetensorsWriter.UsualMetadata));
            // The single file counts as soon as it is there: loaders ask for it first.
            files.Commit(table: null, [index, .. ShardsBeside(file)]);
            return;
        }

        string[] names = [.. shards.Select((_, i) => ShardName(file, i, shards.Count))];
        foreach ((var name, var shard) in names.Zip(shards))
        {
            files.Add(name, SafetensorsWriter.Content(shard, SafetensorsWriter.UsualMetadata));
        }
        files.Add(index, stream => WriteIndex(stream, names, shards));
        files.Commit(index, [file, .. ShardsBeside(file).Except(names.Select(Path.GetFullPath))]);
    }

    private static List<List<TensorToWrite>> Split(IEnumerable<TensorToWrite> tensors, long maxShardBytes)
    {
        var shards = new List<List<TensorToWrite>>();
        var current = new List<TensorToWrite>();
        long bytes = 0;
        foreach (var tensor in tensors)
        {
            if (tensor.Bytes > maxShardBytes)
            {
                shards.Add([tensor]);
                continue;
            }
            if (bytes + tensor.Bytes > maxShardBytes)
            {
                shards.Add(current);
                current = [];
                bytes = 0;
            }
            current.Add(tensor);
            bytes += tensor.Bytes;
        }
        if (current.Count > 0 || shards.Count == 0)
        {
            shards.Add(current);
        }
        return shards;
    }

    // model.safetensors → model-00001-of-00003.safetensors
    private static string ShardName(string file, int index, int count)
    {
        var stem = file.EndsWith(Extension, StringComparison.Ordinal) ? file[..^Extension.Length] : file;
        return string.Create(CultureInfo.InvariantCulture, $"{stem}-{index + 1:D5}-of-{count:D5}{Extension}");
    }

    private static IEnumerable<string> ShardsBeside(string file)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var stem = Path.GetFileNameWithoutExtension(file);
        return Directory
            .EnumerateFiles(folder, $"{stem}-*{Extension}")
            .Where(path => ShardSuffix().IsMatch(Path.GetFileName(path)[stem.Length..]))
            .ToArray();
    }

    private static void WriteIndex(Stream stream, string[] names, List<List<TensorToWrite>> shards)
    {
        // As the ecosystem's tools write it: indented by two, keys sorted, a newline at the end.
        var options = new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(stream, options))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", shards.Sum(shard => shard.Sum(tensor => tensor.Bytes)));
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            var files = names.Zip(shards).SelectMany(pair => pair.Second.Select(tensor => (tensor.Name, pair.First)));
            foreach (var (tensor, name) in files.OrderBy(pair => pair.Name, StringComparer.Ordinal))
            {
                json.WriteString(tensor, Path.GetFileName(name));
            }
            json.WriteEndObject();
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
    }

    [GeneratedRegex(@"^-\d{5}-of-\d{5}\.safetensors$")]
    private static partial Regex ShardSuffix();
}
