// Weights of a text encoder's folder into its network, in one file or many. As with every checkpoint, names and shapes on
// both sides are compared before a value is copied; a weight with two names may come under either.

using System.Text.Json;
using FlowBP.Models.Formats;

namespace FlowBP.Models.TextEncoders;

/// <summary>Loads the weights of a folder that transformers saved.</summary>
internal static class TransformersWeights
{
    private const string SingleFile = "model.safetensors";
    private const string Index = "model.safetensors.index.json";
    private const int NamedProblems = 20;

    /// <summary>Copies every tensor that the network has, converting to its type and device.</summary>
    /// <param name="module">The receiving network.</param>
    /// <param name="folder">Folder with <c>model.safetensors</c>, or with an index and the files that it names.</param>
    /// <param name="names">Names that the file may have or lack.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged, or does not fit the network.</exception>
    public static void LoadInto(nn.Module module, string folder, WeightNames names) =>
        LoadFiles(module, Files(folder), names);

    /// <summary>The same from one file.</summary>
    public static void LoadFile(nn.Module module, string file, WeightNames names) => LoadFiles(module, [file], names);

    /// <summary>The weight files of a folder, in ordinal order.</summary>
    /// <exception cref="CheckpointException">There is none, or the index is damaged or points outside the folder.</exception>
    public static IReadOnlyList<string> Files(string folder)
    {
        string index = Path.Combine(folder, Index);
        string single = Path.Combine(folder, SingleFile);
        if (File.Exists(single) || !File.Exists(index))
        {
            return [single];
        }
        var files = new SortedSet<string>(StringComparer.Ordinal);
        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllText(index));
            foreach (JsonProperty entry in json.RootElement.GetProperty("weight_map").EnumerateObject())
            {
                string file = entry.Value.GetString() ?? "";
                if (file.Length == 0 || file is "." or ".." || file != Path.GetFileName(file))
                {
                    throw CheckpointException.ForFile(
                        index,
                        $"tensor '{entry.Name}': found '{file}', expected the name of a file in the same folder"
                    );
                }
                files.Add(Path.Combine(folder, file));
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw CheckpointException.ForFile(index, $"is no index of weight files: {e.Message}", e);
        }
        return [.. files];
    }

    private static void LoadFiles(nn.Module module, IReadOnlyList<string> paths, WeightNames names)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var files = new List<SafetensorsFile>();
        try
        {
            foreach (string path in paths)
            {
                files.Add(SafetensorsFile.Open(path));
            }
            Dictionary<string, Tensor> wanted = module.state_dict();
            Dictionary<string, (SafetensorsFile File, string Name)> found = Match(files, wanted, names);
            foreach (var (name, (file, stored)) in found)
            {
                using Tensor source = file.Load(stored);
                wanted[name].copy_(source);
            }
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    // For each of the network's names the place to read it from. A tied weight's second name is left out: it is the same
    // tensor.
    private static Dictionary<string, (SafetensorsFile, string)> Match(
        IReadOnlyList<SafetensorsFile> files,
        Dictionary<string, Tensor> wanted,
        WeightNames names
    )
    {
        var problems = new List<string>();
        var stored = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        foreach (SafetensorsFile file in files)
        {
            foreach (string name in file.Entries.Keys.Order(StringComparer.Ordinal))
            {
                if (!stored.TryAdd(name, file))
                {
                    problems.Add($"tensor '{name}': found in {stored[name].Path} and in {file.Path}, expected it once");
                }
                else if (!wanted.ContainsKey(name) && !names.Ignores(name))
                {
                    string shape = CheckpointException.Shape(file.Entries[name].Shape);
                    problems.Add($"tensor '{name}': found {shape}, expected no such tensor");
                }
            }
        }
        var result = new Dictionary<string, (SafetensorsFile, string)>(StringComparer.Ordinal);
        foreach (var (name, tensor) in wanted.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            string? source =
                stored.ContainsKey(name) ? name
                : names.TiedTo(name) is { } other && stored.ContainsKey(other) ? other
                : null;
            if (source is null)
            {
                problems.Add($"tensor '{name}': found none, expected {CheckpointException.Shape(tensor.shape)}");
            }
            else if (!stored[source].Entries[source].Shape.AsSpan().SequenceEqual(tensor.shape))
            {
                string shape = CheckpointException.Shape(stored[source].Entries[source].Shape);
                problems.Add($"tensor '{name}': found {shape}, expected {CheckpointException.Shape(tensor.shape)}");
            }
            else if (source == name || !wanted.ContainsKey(source))
            {
                result[name] = (stored[source], source);
            }
        }
        if (problems.Count == 0)
        {
            return result;
        }
        string more = problems.Count > NamedProblems ? $"; and {problems.Count - NamedProblems} more" : "";
        string where = files.Count == 1 ? files[0].Path : Path.GetDirectoryName(files[0].Path)!;
        throw CheckpointException.ForFile(
            where,
            $"does not fit the model: {string.Join("; ", problems.Take(NamedProblems))}{more}"
        );
    }
}
