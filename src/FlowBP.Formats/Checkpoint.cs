// Weights between files and modules, wherever they lie and however they are cut up. A model is never left half loaded by a file that
// does not fit it: what fits is asked before a single value is copied.

namespace FlowBP.Formats;

/// <summary>Loads weights from files into modules and saves modules to files.</summary>
public static class Checkpoint
{
    /// <summary>The most bytes in one file when weights are saved, unless said otherwise: 5 GB.</summary>
    public const long DefaultShardBytes = 5_000_000_000;

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
        return ScaledCheckpoint.Of(WeightsFile.Open(file));
    }

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
        CheckpointFit.Require(checkpoint, wanted, strict);
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
}
