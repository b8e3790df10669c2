// A checkpoint that is read. Every file is compared with the manifest before a value is used, and every value has its place before the
// first is copied: a run goes on from the whole of a state, or not at all.

using FlowBP.Formats;
using FlowBP.Training.Optimization;

namespace FlowBP.Training.Checkpoints;

/// <summary>A complete checkpoint, open.</summary>
public sealed class StoredCheckpoint : IDisposable
{
    private readonly StateShards shards;

    private StoredCheckpoint(string folder, CheckpointManifest manifest, StateShards shards) =>
        (Folder, Manifest, this.shards) = (folder, manifest, shards);

    /// <summary>Its folder.</summary>
    public string Folder { get; }

    /// <summary>What it says of itself.</summary>
    public CheckpointManifest Manifest { get; }

    /// <summary>Opens a checkpoint and reads all of it once.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <exception cref="CheckpointException">A file is missing, damaged or a link, or of another step; says which.</exception>
    public static StoredCheckpoint Open(string folder)
    {
        var manifest = CheckpointManifest.Read(folder);
        if (CheckpointFolders.StepOf(folder) is { } named && named != manifest.Step)
        {
            throw CheckpointException.ForFile(
                folder,
                $"is the checkpoint of step {manifest.Step}, under another's name"
            );
        }
        foreach (var file in manifest.Files)
        {
            if (FolderEntries.LinkOnTheWay(folder, file.Name) is { } link)
            {
                throw CheckpointException.ForFile(link, "is a link: a checkpoint is made of its own files only");
            }
            Verify(Path.Combine(folder, file.Name), file);
        }
        return new(folder, manifest, StateShards.Open(folder, manifest));
    }

    /// <summary>Copies the state into an optimizer and its parameters.</summary>
    /// <param name="optimizer">An optimizer of the same parameters, which don't hold their averages at present.</param>
    /// <param name="parts">What of the parameters it updates; null: all of them, whole.</param>
    /// <exception cref="CheckpointException">What is stored is of other parameters; nothing was copied.</exception>
    public void RestoreInto(FusedAdamW optimizer, TrainedShards? parts = null)
    {
        var state = optimizer.State;
        var wanted = state.SelectMany(TrainingState.Of).ToDictionary(each => each.Name, each => each.Tensor);
        RequireFits(state, parts);
        string[] names = [.. parts?.Slices.Keys ?? state.Select(each => each.Name)];
        if (names.Length != Manifest.Ages.Count || names.Any(name => !Manifest.Ages.ContainsKey(name)))
        {
            throw CheckpointException.ForFile(Folder, "its manifest counts the updates of other parameters");
        }
        using var noGrad = torch.no_grad();
        foreach (var (name, tensor) in wanted)
        {
            if (parts is null or { AreWhole: true })
            {
                shards.CopyInto(name, tensor);
                continue;
            }
            using var scope = torch.NewDisposeScope();
            tensor.copy_(
                parts.Slices[name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..]].Slice.Of(shards.Load(name))
            );
        }
        optimizer.CountFrom(Manifest.Counters.OptimizerSteps, Manifest.Ages);
    }

    // Shapes are those of whole parameters, whoever updates which part of them.
    private void RequireFits(IReadOnlyList<ParameterState> state, TrainedShards? parts)
    {
        var hasAverages = state.Count > 0 && state[0].Average is not null;
        var whole = parts is null or { AreWhole: true }
            ? state.ToDictionary(each => each.Name, each => (each.Value.shape, each.Value.dtype))
            : parts.Slices.ToDictionary(each => each.Key, each => (each.Value.Shape, state[0].Value.dtype));
        Dictionary<string, (long[] Shape, ScalarType Type)> wanted = [];
        foreach (var (name, form) in whole)
        {
            wanted[TrainingState.Value + name] =
                wanted[TrainingState.ExpAvg + name] =
                wanted[TrainingState.ExpAvgSq + name] =
                    form;
            if (hasAverages)
            {
                wanted[TrainingState.Average + name] = form;
            }
            if (shards.Names.Contains(TrainingState.Best + name))
            {
                wanted[TrainingState.Best + name] = form;
            }
        }
        shards.RequireFits(wanted);
    }

    /// <summary>Weights of the best judged step, by parameter; null: none were kept. They are the caller's.</summary>
    public IReadOnlyDictionary<string, Tensor>? BestWeights()
    {
        string[] names = [.. shards.Names.Where(name => name.StartsWith(TrainingState.Best, StringComparison.Ordinal))];
        return names.Length == 0
            ? null
            : names.ToDictionary(
                name => name[TrainingState.Best.Length..],
                name => shards.Load(name).DetachFromDisposeScope()
            );
    }

    /// <inheritdoc/>
    public void Dispose() => shards.Dispose();

    private static void Verify(string path, CheckpointFile file) =>
        CheckpointException.Guard(
            path,
            () =>
            {
                var length = new FileInfo(path).Length;
                var problem =
                    length < file.Bytes ? $"found {length} bytes, expected {file.Bytes}: it is truncated"
                    : length > file.Bytes ? $"found {length} bytes, expected {file.Bytes}"
                    : FileHashes.Read(path) != file.Sha256 ? "is damaged: its content is not what was written"
                    : null;
                return problem is null ? true : throw CheckpointException.ForFile(path, problem);
            },
            "is missing from its checkpoint"
        );
}
