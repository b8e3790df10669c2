// A checkpoint meets a model: the names, shapes and kinds of numbers on both sides are compared before a single value is
// copied, and every disagreement is named in one line. A model is never left half loaded by a file that does not fit it.

namespace FlowBP.Formats;

/// <summary>Loads weights from files into modules and saves modules to files.</summary>
public static class Checkpoint
{
    /// <summary>The most bytes in one file when weights are saved, unless said otherwise: 5 GB.</summary>
    public const long DefaultShardBytes = 5_000_000_000;

    private const int NamedProblems = 20;

    private static readonly string[] PickledExtensions = [".bin", ".pt", ".pth", ".ckpt"];

    /// <summary>Opens the weights at a path, in whatever layout they are there.</summary>
    /// <param name="path">
    /// A safetensors file; an index (<c>*.index.json</c>) of several files; a file of torch.save (<c>.bin</c>, <c>.pt</c>,
    /// <c>.pth</c>, <c>.ckpt</c>), of which only tensors and plain containers are ever built; or a folder with weights
    /// under their usual names. Where the named file is not there, its index is looked for, then its pickled counterpart.
    /// </param>
    /// <exception cref="CheckpointException">Nothing is there, or it is damaged.</exception>
    public static ICheckpointSource Open(string path)
    {
        var file = CheckpointLocation.Find(path);
        if (file.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            return ScaledCheckpoint.Of(ShardedCheckpoint.Open(file));
        }
        return ScaledCheckpoint.Of(OpenFile(file));
    }

    /// <summary>Opens a file as what it is: files of torch.save are known by their first bytes, whatever they are called.</summary>
    internal static ICheckpointSource OpenFile(string file) =>
        WeightsKind.IsPickled(file, IsPickled(file)) ? TorchFile.Open(file) : SafetensorsFile.Open(file);

    /// <summary>Copies every tensor at a path into the module's parameter or buffer of the same name.</summary>
    /// <param name="module">
    /// The receiving module; its tensors keep their type and device: values are converted on their way, tensor by tensor,
    /// and at most one shard is in memory.
    /// </param>
    /// <param name="path">See <see cref="Open"/>.</param>
    /// <param name="strict">
    /// Whether a tensor that only one side has is an error. Shapes and kinds of numbers must agree either way.
    /// </param>
    /// <exception cref="CheckpointException">
    /// The weights are missing or damaged, or do not fit: names each missing and unexpected tensor, each wrong shape or
    /// type (nothing was copied then); or a weight is not finite (see the other overload).
    /// </exception>
    public static void LoadInto(nn.Module module, string path, bool strict = true)
    {
        using var checkpoint = Open(path);
        LoadInto(module, checkpoint, strict);
    }

    /// <summary>Copies every tensor of an open checkpoint into the module's parameter or buffer of the same name.</summary>
    /// <param name="module">The receiving module; its tensors keep their type and device, values are converted.</param>
    /// <param name="checkpoint">An open checkpoint.</param>
    /// <param name="strict">Whether a tensor that only one side has is an error.</param>
    /// <exception cref="CheckpointException">
    /// The checkpoint does not fit the module; nothing was copied. Or a parameter holds NaN or infinity, or a buffer NaN;
    /// the tensors before it were copied already, and the module is of no use.
    /// </exception>
    /// <remarks>
    /// Values are looked at here, once, where every way of loading passes: a NaN that is found in a training step names a
    /// loss, found here it names a tensor. They are looked at while they are copied, since whoever looked first would read
    /// everything twice; a module whose loading failed is thrown away by its maker either way.
    /// </remarks>
    public static void LoadInto(nn.Module module, ICheckpointSource checkpoint, bool strict = true)
    {
        using var scope = torch.NewDisposeScope();
        var wanted = module.state_dict();
        Compare(checkpoint, wanted, strict);
        HashSet<string> parameters = [.. module.named_parameters().Select(p => p.name)];
        foreach (var name in checkpoint.Tensors.Keys)
        {
            if (wanted.TryGetValue(name, out var destination))
            {
                // A buffer may hold a mask, and a mask minus infinity.
                var check = parameters.Contains(name) ? ValueCheck.Finite : ValueCheck.NotNaN;
                checkpoint.CopyInto(name, destination, check);
            }
        }
    }

    /// <summary>Saves every parameter and persistent buffer of a module.</summary>
    /// <param name="module">The module.</param>
    /// <param name="file">
    /// The file to create or replace; never left half-written. Weights that do not fit into one file become
    /// <c>name-00001-of-00002.safetensors</c> … with an index <c>name.safetensors.index.json</c>.
    /// </param>
    /// <param name="dtype">Storage type of floating-point tensors; each tensor's own if null.</param>
    /// <param name="maxShardBytes">The most bytes of tensors in one file; a larger tensor has a file of its own.</param>
    /// <param name="changes">
    /// By name, what is stored in the place of some tensors, of their type and shape, computed when its turn comes; null: nothing.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The module has no tensors, or one was disposed, is on meta, or has a change of another shape.
    /// </exception>
    /// <exception cref="CheckpointException">A file cannot be written; what was there before still is.</exception>
    public static void Save(
        nn.Module module,
        string file,
        ScalarType? dtype = null,
        long maxShardBytes = DefaultShardBytes,
        IReadOnlyDictionary<string, Func<Tensor>>? changes = null
    )
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var tensors = module.state_dict();
        if (tensors.Count == 0)
        {
            throw new ArgumentException(
                $"{file}: {module.GetName()} has no tensors to be stored; a module that was disposed has none",
                nameof(module)
            );
        }
        ShardedWriter.Write(file, tensors, dtype, maxShardBytes, changes);
    }

    /// <summary>Saves named tensors as <see cref="Save"/> does those of a module.</summary>
    /// <param name="tensors">Tensors by name, in the order in which files are filled; each keeps its type.</param>
    /// <param name="file">As there.</param>
    /// <exception cref="CheckpointException">A file cannot be written; what was there before still is.</exception>
    public static void SaveTensors(IReadOnlyDictionary<string, Tensor> tensors, string file)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        ShardedWriter.Write(file, tensors, dtype: null, DefaultShardBytes);
    }

    internal static bool IsWeightsFile(string name) =>
        name.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || IsPickled(name);

    private static bool IsPickled(string name) =>
        PickledExtensions.Any(extension => name.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    private static void Compare(ICheckpointSource checkpoint, Dictionary<string, Tensor> wanted, bool strict)
    {
        var problems = new List<string>();
        foreach (var (name, tensor) in wanted.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (tensor.IsInvalid)
            {
                problems.Add($"tensor '{name}': the model's was disposed");
            }
            else if (tensor.device_type == DeviceType.META)
            {
                problems.Add($"tensor '{name}': the model's is on meta and has no memory (ToEmpty gives it some)");
            }
            else if (!checkpoint.Tensors.TryGetValue(name, out var entry))
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
            else if (!ElementTypes.Convertible(entry.Type, tensor.dtype))
            {
                problems.Add($"tensor '{name}': found {entry.Type}, expected values of {tensor.dtype}");
            }
        }
        if (wanted.Count == 0 && checkpoint.Tensors.Count > 0)
        {
            problems.Add("the model has no tensors, as one that was disposed has none");
        }
        if (strict)
        {
            foreach (var name in checkpoint.Tensors.Keys.Where(name => !wanted.ContainsKey(name)).Order())
            {
                var shape = CheckpointException.Shape(checkpoint.Tensors[name].Shape);
                problems.Add($"tensor '{name}': found {shape}, expected no such tensor");
            }
        }
        if (problems.Count > 0)
        {
            var more = problems.Count > NamedProblems ? $"; and {problems.Count - NamedProblems} more" : "";
            throw CheckpointException.ForFile(
                checkpoint.Path,
                $"does not fit the model: {string.Join("; ", problems.Take(NamedProblems))}{more}"
            );
        }
    }
}
