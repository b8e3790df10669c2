// A checkpoint meets a model: the names and shapes on both sides are compared before a single value is copied, and every
// disagreement is named in one line. A model is never left half loaded by a file that does not fit it.

namespace FlowBP.Models.Formats;

/// <summary>Loads safetensors files into modules and saves modules to safetensors files.</summary>
public static class Checkpoint
{
    private const int NamedProblems = 20;

    /// <summary>Copies every tensor of a file into the module's parameter or buffer of the same name.</summary>
    /// <param name="module">The receiving module; its tensors keep their type and device, values are converted.</param>
    /// <param name="file">A safetensors file.</param>
    /// <param name="strict">
    /// Whether a tensor that only one side has is an error. Shapes must agree either way.
    /// </param>
    /// <exception cref="CheckpointException">
    /// The file is damaged, or does not fit: names each missing and unexpected tensor, and each wrong shape.
    /// </exception>
    public static void LoadInto(nn.Module module, string file, bool strict = true)
    {
        using SafetensorsFile checkpoint = SafetensorsFile.Open(file);
        LoadInto(module, checkpoint, strict);
    }

    /// <summary>Copies every tensor of an open file into the module's parameter or buffer of the same name.</summary>
    /// <param name="module">The receiving module; its tensors keep their type and device, values are converted.</param>
    /// <param name="checkpoint">An open safetensors file.</param>
    /// <param name="strict">Whether a tensor that only one side has is an error.</param>
    /// <exception cref="CheckpointException">The file does not fit the module.</exception>
    public static void LoadInto(nn.Module module, SafetensorsFile checkpoint, bool strict = true)
    {
        using var scope = torch.NewDisposeScope();
        Dictionary<string, Tensor> wanted = module.state_dict();
        Compare(checkpoint, wanted, strict);
        using var noGrad = torch.no_grad();
        foreach (var (name, destination) in wanted)
        {
            if (!checkpoint.Entries.ContainsKey(name))
            {
                continue;
            }
            using Tensor source = checkpoint.Load(name);
            destination.copy_(source);
        }
    }

    /// <summary>Saves every parameter and persistent buffer of a module.</summary>
    /// <param name="module">The module.</param>
    /// <param name="file">The file to create or replace; never left half-written.</param>
    /// <param name="dtype">Storage type of floating-point tensors; each tensor's own if null.</param>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public static void Save(nn.Module module, string file, ScalarType? dtype = null)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        Dictionary<string, Tensor> tensors = module
            .state_dict()
            .ToDictionary(
                pair => pair.Key,
                pair => dtype is null || !IsFloating(pair.Value) ? pair.Value : pair.Value.to_type(dtype.Value)
            );
        SafetensorsWriter.Write(file, tensors);
    }

    private static bool IsFloating(Tensor tensor) =>
        tensor.dtype is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;

    private static void Compare(SafetensorsFile checkpoint, Dictionary<string, Tensor> wanted, bool strict)
    {
        var problems = new List<string>();
        foreach (var (name, tensor) in wanted.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (!checkpoint.Entries.TryGetValue(name, out SafetensorsEntry? entry))
            {
                if (strict)
                {
                    problems.Add($"tensor '{name}': found none, expected {CheckpointException.Shape(tensor.shape)}");
                }
            }
            else if (!entry.Shape.AsSpan().SequenceEqual(tensor.shape))
            {
                problems.Add(
                    $"tensor '{name}': found {CheckpointException.Shape(entry.Shape)}, "
                        + $"expected {CheckpointException.Shape(tensor.shape)}"
                );
            }
        }
        if (strict)
        {
            foreach (string name in checkpoint.Entries.Keys.Where(name => !wanted.ContainsKey(name)).Order())
            {
                string shape = CheckpointException.Shape(checkpoint.Entries[name].Shape);
                problems.Add($"tensor '{name}': found {shape}, expected no such tensor");
            }
        }
        if (problems.Count > 0)
        {
            string more = problems.Count > NamedProblems ? $"; and {problems.Count - NamedProblems} more" : "";
            throw CheckpointException.ForFile(
                checkpoint.Path,
                $"does not fit the model: {string.Join("; ", problems.Take(NamedProblems))}{more}"
            );
        }
    }
}
